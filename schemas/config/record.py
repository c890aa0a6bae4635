"""What else an OPV's record does: systems sent to, conversations, files."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field

from schemas.config.values import Key, Part, Text


class Target(Part):
    """A system that the house sends to."""

    key: Key
    target: Text
    """What it is: `sales_module`, `conecta`, …"""
    options: dict[str, Any] = Field(default_factory=dict)
    """The target's own; a value may hold `${NAME}`."""


PLACEHOLDER = r"\{([^{}]*)\}"
PLACEHOLDERS = ("client", "broker", "company", "development", "opv")
"""What may stand between braces in a greeting."""


class WhatsApp(Part):
    """How a conversation with a client is opened."""

    greeting: Text = "Olá, {client}! Aqui é {broker}, da {company}."
    """Its first words; `{client}`, `{broker}` (who writes), `{company}`, `{development}` and `{opv}` (its number) are
    filled in. Where one is not known, the part of the sentence around it is left out, up to the next comma or stop."""
    address: Literal["wa.me", "web"] = "wa.me"
    """Where the link leads: to the app, or to WhatsApp Web."""
    target: Key | None = None
    """One of `targets` (`conecta`) through which the conversation is opened instead."""


FileType = Literal["pdf", "jpeg", "png", "webp", "docx", "xlsx", "txt"]


class Attachments(Part):
    """Files that may be put to an OPV."""

    max_mb: int = Field(20, ge=1, le=100)
    types: list[FileType] = Field(default_factory=lambda: list(get_args(FileType)))

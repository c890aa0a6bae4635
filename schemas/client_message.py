"""What a client is written by an automation, as it goes out: put together when it is sent, and not stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.client import Way

KIND: Literal["client_message"] = "client_message"
"""Kind of the message of which it is the body."""

WAYS: Mapping[str, tuple[Way, ...]] = {
    "smtp": ("email",),
    "conecta": ("whatsapp",),
    "webhook": ("email", "whatsapp", "sms"),
}
"""The targets that write to clients, each with the ways in which it may."""


class ClientMessage(BaseModel):
    """`client` is the client's id, `phone` is E.164, `development` a key. `subject` is one line, `text` plain;
    `template` is the name of a WhatsApp template and `values` what its places are filled with, one line each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["client_message"] = KIND
    automation: str
    client: UUID
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    subject: str | None = None
    text: str | None = None
    template: str | None = None
    values: list[str] = Field(default_factory=list)
    opv: int
    opv_id: UUID
    development: str | None = None
    at: AwareDatetime

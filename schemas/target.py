"""What goes out, and what a target is to the rest of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from pydantic import BaseModel

from schemas.errors import Park
from schemas.source import Request


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a person or a system. `body` is JSON text; `idempotency_key` is the same at every try. `request`:
    the request to send, of a message that is one. `options`: those of the configured target, secrets filled in.
    `tried`: an earlier try may have got through without an answer."""

    idempotency_key: str
    kind: str
    recipient: str
    body: str
    request: Request | None = None
    options: BaseModel | None = None
    tried: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other system said of a message that it took. `reference` is its own id of what came of it; `url` is
    where a person finds that."""

    reference: str | None = None
    url: str | None = None


class Refused(Park):
    """The other system will not take the message, now or later. `words` are its own; they may quote personal data."""

    def __init__(self, reason: str, detail: str, words: str | None = None) -> None:
        super().__init__(reason, detail)
        self.words = words


class Target(Protocol):
    """Where messages go. `send` raises `Retry` or `Park`; it may be called again with the same key."""

    slug: ClassVar[str]

    def send(self, message: Message) -> Answer | None: ...


@dataclass(frozen=True, slots=True)
class ConfiguredTarget:
    """One of `targets` of the configuration, which messages name by its key. `options` are those of the target `slug`
    with secrets filled in; None while one of its variables is not set."""

    key: str
    slug: str
    options: BaseModel | None

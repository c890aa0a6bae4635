"""What goes out, and what a target is to the rest of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from schemas.source import Request


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a person or a system. `body` is JSON text; `idempotency_key` is the same at every try. `request`:
    the request to send, of a message that is one."""

    idempotency_key: str
    kind: str
    recipient: str
    body: str
    request: Request | None = None


class Target(Protocol):
    """Where messages go. `send` raises `Retry` or `Park`; it may be called again with the same key."""

    slug: ClassVar[str]

    def send(self, message: Message) -> None: ...

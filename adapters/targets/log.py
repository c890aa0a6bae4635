"""The log as a target: notices are written there until a person's own target is configured."""

from __future__ import annotations

import logging
from typing import ClassVar

from schemas.target import Message

log = logging.getLogger("porteiro.notices")


class LogTarget:
    """Writes one line a message: kind and the recipient's key, never the body (it may hold personal data)."""

    slug: ClassVar[str] = "log"

    def send(self, message: Message) -> None:
        """Never fails."""
        log.info("%s to %s (%s)", message.kind, message.recipient, message.idempotency_key)

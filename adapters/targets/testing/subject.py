"""A target on trial: how it is made, its options, a message for it, and a good answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from adapters.targets.base import Clock, ConfiguredTargetBase
from adapters.targets.testing.receiver import Asked, Receiver
from schemas.client_message import ClientMessage
from schemas.notice import KIND, Notice
from schemas.target import Answer, Message

NOW = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
KEY = "notice:0199e0a4-5b7e-7cc1-9d0e-2f6f7b1a0c11:ana"
NOTICE = Notice(
    kind="opv.assigned",
    person="ana",
    name="Ana Exemplo",
    email="ana.exemplo@example.com",
    phone="+5511980000001",
    subject="Novo OPV 1203: Residencial Jardim",
    text="Rita Exemplo quer conhecer o decorado. Você foi escolhida para atender.",
    url="https://leads.example.com.br/opvs/1203?assinatura=x",
    opv=1203,
    opv_id=UUID("0199e0a4-0000-7000-8000-000000000001"),
    development="jardim",
    at=NOW,
)
CLIENT_MESSAGE = ClientMessage(
    automation="welcome",
    client=UUID("0199e0a4-0000-7000-8000-000000000002"),
    name=NOTICE.name,
    email=NOTICE.email,
    phone=NOTICE.phone,
    subject="Imobiliária Exemplo",
    text="Olá, Rita! Já vamos falar com você.",
    template="boas_vindas",
    values=["Rita"],
    opv=1203,
    opv_id=NOTICE.opv_id,
    development="jardim",
    at=NOW,
)
PRIVATE = ("Ana Exemplo", "ana.exemplo", "980000001", "Rita", "assinatura")
"""What no error may repeat of it."""


@dataclass(frozen=True)
class Subject:
    """A target, and what its contract has to know beside what it declares.

    `name` is for reports. `made` gives it with a clock, and with no more patience than a second. `options` are those of
    the file, for a receiver at an address; `secret` is in them. `tries`: how often one call asks. `good`: what a
    receiver that took the message says. `key_of`, `aside`: see `Receiver`."""

    name: str
    made: Callable[[Clock], ConfiguredTargetBase]
    options: Callable[[str], Mapping[str, Any]]
    secret: str
    good: bytes = b""
    kind: str = KIND
    body: str = NOTICE.model_dump_json()
    tries: int = 1
    key_header: str = "idempotency-key"
    key_of: Callable[[Asked], str] | None = None
    aside: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def target(self) -> ConfiguredTargetBase:
        """The one that is tried, at `NOW`."""
        return self.made(lambda: NOW)

    def receiver(self) -> Receiver:
        """One for it that takes everything, unless it is told otherwise."""
        return Receiver(self.key_header, self.good, key_of=self.key_of, aside=self.aside)

    def message(self, url: str, *, tried: bool = False) -> Message:
        """Its message to a receiver at an address."""
        options = self.target.options_model.model_validate(dict(self.options(url)))
        return Message(KEY, self.kind, self.target.slug, self.body, options=options, tried=tried)

    def send(self, url: str, *, tried: bool = False) -> Answer | None:
        """Sends it."""
        return self.target.send(self.message(url, tried=tried))

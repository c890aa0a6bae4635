"""A source on trial: its channel, its sample, its stored requests, and what it read as comparable JSON."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.sources.base import Source
from schemas.lead import Lead
from schemas.source import Entrance, Pointer, ProcessStatus, Read, ReadLead, Request, Trigger, request_from

HOST = "https://leads.example.com.br"
ZONE = ZoneInfo("America/Sao_Paulo")
PERSON = {"name": "Rita Exemplo", "phone": "+5531999990150", "email": "rita.exemplo@example.com"}


@dataclass(frozen=True)
class Subject:
    """A source, and what its contract has to know beside what it declares.

    `fixtures` is the folder of its requests (`<case>.request`) and of what must come of them
    (`<case>.expected.json`), `secret` the one in them, `options` those of the channel. `at_the_time` is the source with
    the clock of the fixtures, if it refuses old signatures."""

    source: Source
    fixtures: Path
    secret: str = "segredo-exemplo"  # noqa: S105 - an example's
    options: Mapping[str, Any] = field(default_factory=dict)
    signs_body: bool = False
    """Whether the sender signs the body."""
    knows_email: bool = True
    """Whether a lead can have an e-mail."""
    brings_leads: bool = True
    """Whether it brings leads; the others tell what became of something."""
    at_the_time: Source | None = None

    @property
    def place(self) -> str:
        """The file that the source is written in."""
        return inspect.getfile(type(self.source))

    @property
    def fetches(self) -> bool:
        """Whether its deliveries hold ids alone."""
        return type(self.source).fetch is not Source.fetch

    @property
    def emails(self) -> list[str]:
        """Those that a sample's lead has."""
        return [PERSON["email"]] if self.knows_email else []

    @property
    def requests(self) -> Sequence[Path]:
        """The stored requests."""
        return sorted(self.fixtures.glob("*.request"))

    def entrance(
        self,
        *,
        key: str = "canal",
        secrets: tuple[str, ...] | None = None,
        mapping: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Entrance:
        """A channel of the source, with its secret and options unless told otherwise."""
        model = self.source.options_model.model_validate({**self.options, **(options or {})})
        held = (self.secret,) if secrets is None else secrets
        return Entrance(key, 1, self.source, held, model, ZONE, mapping or {})

    def entrance_of(self, case: str, key: str) -> Entrance:
        """The channel that a stored request was sent to; overridden where the cases want several."""
        return self.entrance(key=key)

    def sample(self, number: int = 1) -> tuple[Request, dict[str, bytes]]:
        """The source's own signed sample and the platform's answers to it."""
        headers, body, answers = self.source.sample(self.entrance(), PERSON, number)
        return post(body, headers), answers

    def fixture(self, path: Path) -> tuple[Entrance, Request]:
        """A stored request (`POST /hooks/<channel>?… HTTP/1.1`, headers, blank line, body) and its entrance."""
        head, body = re.split(rb"\r?\n\r?\n", path.read_bytes(), maxsplit=1)
        first, *headers = head.splitlines()
        method, target, _ = first.decode().split(" ")
        lines = b"".join(line + b"\r\n" for line in headers)
        request = request_from(method, HOST.encode() + target.encode(), lines, body)
        door = self.entrance_of(path.stem, target.partition("?")[0].rpartition("/")[2])
        return replace(door, source=self.at_the_time or door.source), request


def post(body: bytes | str, headers: Mapping[str, str] | None = None, query: str = "") -> Request:
    """A POST with these headers and query string."""
    raw = body.encode() if isinstance(body, str) else body
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()).encode("latin-1")
    return request_from("POST", f"{HOST}/hooks/canal?{query}".encode(), lines, raw)


def get(query: str) -> Request:
    """A GET, a platform's handshake."""
    return request_from("GET", f"{HOST}/hooks/canal?{query}".encode(), b"", b"")


def as_json(read: Read) -> dict[str, Any]:
    """What a source read, in the shape of the fixtures' expectations."""
    if isinstance(read, ReadLead):
        test = {"test": True} if read.test else {}
        said = {"conversation": read.conversation} if read.conversation else {}
        return {"type": "lead", "key": read.key, **test, **said, "lead": lead_json(read.lead)}
    if isinstance(read, Pointer):
        return {"type": "pointer", "key": read.key, "data": read.data}
    if isinstance(read, Trigger):
        named = {name: value for name, value in (("opv", read.opv), ("name", read.name)) if value is not None}
        return {"type": "trigger", "key": read.key, **named, "client": lead_json(read.client)}
    if isinstance(read, ProcessStatus):
        return {"type": "process_status", **_given(read)}
    return {"type": "not_a_lead", "outcome": read.outcome, "reason": read.reason}


def _given(status: ProcessStatus) -> dict[str, Any]:
    given = {name: value for name, value in asdict(status).items() if value not in (None, {})}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}


def lead_json(lead: Lead) -> dict[str, Any]:
    """A lead's fields that are not empty."""
    dumped = lead.model_dump(exclude_defaults=True)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in dumped.items()}


def shown(value: Any) -> str:
    """JSON as it stands in an expectation."""
    return json.dumps(value, ensure_ascii=False, indent=2)

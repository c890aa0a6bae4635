"""What a source is to the rest of the house: the shapes it takes and gives, and the Protocol it fulfils.

The contract with its defaults, which a new source inherits, is `adapters/sources/base.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from schemas.lead import Lead


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `headers` have lower-case names (latin-1 text), `query` is percent-decoded, the first
    value of a repeated name wins in both; `url` is the full public URL as text; `body` the raw bytes."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


OWN_HEADERS = "x-porteiro-"
"""Headers that begin so are the house's own marks on a stored delivery: intake takes them from nobody."""
IMPORT_HEADER = f"{OWN_HEADERS}import"
"""On a delivery that is a line of an imported file: a hash of its submission's key."""
RECONCILED_HEADER = f"{OWN_HEADERS}reconciled"
"""On a delivery that reconciliation brought: a hash of its submission's key. Its body is the lead as the platform's API
gives it."""
FORWARDED_HEADER = f"{OWN_HEADERS}forwarded"
"""On a delivery that a Porteiro sent on, with the delivery's id there: it is not sent on again. The one header of
the house that intake takes from a sender, who can do nothing worse with it."""


def request_from(method: str, url: bytes, headers: bytes, body: bytes) -> Request:
    """The request that was received, out of its stored bytes: full URL, `name: value` lines ended by CRLF, body.

    Never raises, whatever the bytes are."""
    lines = [line.partition(b": ") for line in headers.split(b"\r\n") if line]
    query = url.partition(b"?")[2]
    return Request(method, url.decode("latin-1"), header_texts([(n, v) for n, _, v in lines]), query_texts(query), body)


def header_texts(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as text, Latin-1 (RFC 9110 §5.5), lower-case names; the first of a repeated name wins."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(headers)}


def query_texts(query: bytes) -> dict[str, str]:
    """A raw query string, percent-decoded to UTF-8 text, a part that is not UTF-8 to Latin-1; the first of a
    repeated name wins."""
    if not query:
        return {}
    parts = [part.partition(b"=") for part in query.split(b"&") if part]
    return {percent_decoded(name): percent_decoded(value) for name, _, value in reversed(parts)}


def percent_decoded(raw: bytes) -> str:
    """A name or value of a query string or form as text, `+` as a space. UTF-8, else Latin-1: never raises."""
    plain = unquote_to_bytes(raw.replace(b"+", b" "))
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return plain.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer in the words of the sender's own protocol."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Carrier:
    """Where a secret travels in a request. `header` and `query` values are masked whole; a `json` or `form`
    carrier is a key of the body (compared without regard to case) whose value is masked."""

    place: Literal["header", "query", "json", "form"]
    name: str


@dataclass(frozen=True, slots=True)
class Entrance:
    """A channel as configured and running. `options` is the source's own options model with secrets filled in;
    `secrets` are the resolved values, any of which verifies; `mapping` says where a lead's field is in the body;
    `forward_to` is where each delivery is sent on to."""

    key: str
    id: int
    source: LeadSource
    secrets: tuple[str, ...]
    options: BaseModel
    timezone: ZoneInfo
    mapping: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    retired: bool = False
    forward_to: str | None = None


@dataclass(frozen=True, slots=True)
class ReadLead:
    """A submission whose lead is in the delivery. `key` identifies it for ever; None: the sender has no id, and
    a hash of the content with a 10-minute bucket stands in. `test` marks the platform's own test leads.
    `conversation`: one message of a chat or one call. From a person without an open OPV it is a lead like any
    other; on an open OPV it becomes a history entry (`message.received`, `call.received`), not a card."""

    key: str | None
    lead: Lead
    test: bool = False
    conversation: Literal["message", "call"] | None = None


@dataclass(frozen=True, slots=True)
class Pointer:
    """A submission of which the delivery holds ids alone; the fetch step asks the platform for the lead.
    `data` is a small JSON object, all that `fetch` needs to know."""

    key: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotALead:
    """A part of a delivery that makes no OPV: `test` or `ignored`, with the stable reason and a sentence."""

    outcome: Literal["test", "ignored"]
    reason: str
    detail: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """What the sales module says of a process of its own. `outcome`: what the channel's configuration takes the status
    for; `at`: since when it holds; `reference`: our own id of the process, if the module gives it back; `said`: what
    else it says, which may be personal."""

    key: str
    process_id: str
    status: str
    outcome: Literal["won", "lost"] | None = None
    at: datetime | None = None
    reference: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trigger:
    """Word that something happened to an OPV. `opv` is its number or id; without it, the contacts of `client` say whose
    newest open OPV is meant. `name` is a word for it, fit for conditions; what else there is may be personal and is
    in `client.extra`. `key` is as of `ReadLead`."""

    key: str | None
    opv: str | None
    client: Lead
    name: str | None = None

    @property
    def said(self) -> Mapping[str, Any]:
        """What it says besides."""
        return self.client.extra


Read = ReadLead | Pointer | NotALead | ProcessStatus | Trigger


@dataclass(frozen=True, slots=True)
class Recent:
    """A lead in a platform's API: its submission key, the lead as the API gives it, and when it was submitted."""

    key: str
    answer: bytes
    submitted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecentPage:
    """A part of a platform's list of leads. `next` is the place to go on from (the source's own words, kept in a row
    meanwhile), None at the end."""

    leads: Sequence[Recent]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that a platform was asked about a channel: whether it is well, in words, and until when."""

    name: str
    ok: bool
    detail: str
    until: datetime | None = None


class HttpClient(Protocol):
    """The outbound HTTP a source is given: GET with short in-call retries, POST of JSON without; no redirects, bounded
    time and size.

    Raises `schemas.errors.Retry` when there is no answer. Any status is returned."""

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer: ...

    def post(self, url: str, *, json: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpAnswer: ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers (lower-case names) and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class LeadSource(Protocol):
    """What intake, ingest and fetch call. See `adapters.sources.base.Source` for what each part promises."""

    slug: ClassVar[str]
    title: ClassVar[str]
    namespace: ClassVar[Literal["source", "channel"]]
    max_body: ClassVar[int]
    carriers: ClassVar[tuple[Carrier, ...]]
    has_handshake: ClassVar[bool]
    reads_back: ClassVar[bool]
    known_fields: ClassVar[frozenset[str] | None]
    needs_secret: ClassVar[bool]
    basic_user: ClassVar[str]
    options_model: ClassVar[type[BaseModel]]

    def verify(self, request: Request, entrance: Entrance) -> int: ...
    def handshake(self, request: Request, entrance: Entrance) -> Reply: ...
    def accepted(self, delivery: str) -> Reply: ...
    def refused(self, status: int, reason: str, detail: str) -> Reply: ...
    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]: ...
    def recent(self, entrance: Entrance, http: HttpClient, since: datetime, place: str | None) -> RecentPage: ...
    def read_recent(self, answer: bytes, entrance: Entrance) -> ReadLead | NotALead: ...
    def check(self, entrance: Entrance, http: HttpClient) -> Sequence[Checked]: ...
    def read_import(self, request: Request, entrance: Entrance) -> Sequence[Read]: ...
    def fetch(self, pointer: Mapping[str, Any], entrance: Entrance, http: HttpClient) -> bytes: ...
    def read_fetched(self, pointer: Mapping[str, Any], answer: bytes, entrance: Entrance) -> ReadLead | NotALead: ...

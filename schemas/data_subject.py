"""What is asked and answered about a data subject: a person of whom the house holds data (LGPD)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from schemas.client import ClientRecord, ExcludedBroker, Way
from schemas.opv import Capture, HistoryItem, Value
from schemas.opv_actions import Body, Line, Prose
from schemas.page import Parameters, Since


class PersonQuery(Parameters):
    """By what a person is looked for, in any spelling; several find whoever has one of them."""

    phone: str | None = Field(None, max_length=60)
    email: str | None = Field(None, max_length=300)
    document: str | None = Field(None, max_length=60)


class FoundPerson(ClientRecord):
    """A client that has what was looked for, and its OPVs, those too that it was taken out of since."""

    opvs: list[UUID]


class Recipient(BaseModel):
    """A system (or a person of the house) that data of the person went to, or will go to while `sent_at` is null.
    `system`: `forward` (the system beside which Porteiro runs), `sales_module`, `log`, …; `kind`: what was sent; `to`:
    the address, person or channel; `state`: `pending`, `sent`, `parked`, or that of a sale's process."""

    system: str
    kind: str
    to: str
    state: str
    asked_at: datetime
    sent_at: datetime | None
    opv: UUID | None = None
    delivery: UUID | None = None


class ConsentItem(BaseModel):
    """Something that a person agreed to or refused. `granted` is null when the sender does not say. `evidence`: as the
    sender gave it (RD Station's `legal_bases`, Meta's disclaimers, a form's field) or as somebody of the house noted
    it. `source`, `channel`, `capture`, `opv` and `delivery` say where it came from, null for what was noted here."""

    what: str
    granted: bool | None
    at: datetime | None
    evidence: Any
    source: str | None = None
    channel: str | None = None
    capture: UUID | None = None
    opv: UUID | None = None
    delivery: UUID | None = None


class ConsentWithdrawalBody(Body):
    """The consent that a person takes back: `what` as the person or its card calls it; `ways` in which it is not to be
    contacted any more; `at`, when it said so, if not now; `evidence`: how."""

    what: Line
    ways: list[Way] = Field(default_factory=list, max_length=5)
    at: Since | None = None
    evidence: Prose | None = None


class ErasureBody(Body):
    """Why the person is erased; it stays in the history, and may not name the person. `force`: although deliveries hold
    leads of others beside that are parked, and could not be read again."""

    reason: Line
    force: bool = False


class Blanked(BaseModel):
    """How many things were blanked: contents of histories, fields of OPVs, capture cards, explanations of decisions and
    automations, messages, pending items, attachments, words of the sales module, values that did not resolve,
    submissions and deliveries."""

    contents: int = 0
    fields: int = 0
    cards: int = 0
    explanations: int = 0
    messages: int = 0
    pending_items: int = 0
    attachments: int = 0
    sales: int = 0
    unmapped: int = 0
    submissions: int = 0
    deliveries: int = 0

    @property
    def anything(self) -> bool:
        """Whether there was any."""
        return any(value for _, value in self)


class Erased(BaseModel):
    """An erasure. `also`: clients that had been merged into this one; `opvs`: those that it took part in;
    `same_contacts`: other clients who have the same phone or document, and keep it; `file_clean`: whether the
    database's files hold no former version any more (SQLite; false while somebody was reading: erase once more)."""

    client: UUID
    also: list[UUID]
    erased_at: datetime
    opvs: list[UUID]
    blanked: Blanked
    same_contacts: list[UUID]
    file_clean: bool


class PartHeld(BaseModel):
    """An OPV that the person takes or took part in. `role` is null for one that it was taken out of. `tags` and
    `fields`: of an OPV of its own."""

    opv: UUID
    number: int
    role: str | None
    main: bool
    stage: str
    status: str
    development: str | None
    team: str | None
    manager: str | None
    broker: str | None
    created_at: datetime
    tags: list[str]
    fields: dict[str, Value]


class CaptureHeld(Capture):
    """A capture card with its OPV: where the data came from, how and when."""

    id: UUID
    opv: UUID


class HistoryHeld(HistoryItem):
    """A history entry that concerns the person, with its OPV."""

    opv: UUID


class ExportRecord(BaseModel):
    """All that is held of a person. `format` is the name and version of this shape. Of `deliveries` that hold leads of
    other people too, the request is left out (`shared`). Times are UTC; bytes are text, with `…_base64` beside it where
    they are not UTF-8."""

    format: Literal["porteiro-person/1"] = "porteiro-person/1"
    exported_at: datetime
    exported_by: str
    company: str
    officer: str | None
    client: ClientRecord
    merged: list[ClientRecord]
    contact_keys: list[dict[str, Any]]
    excluded_brokers: list[ExcludedBroker]
    parts: list[PartHeld]
    captures: list[CaptureHeld]
    consents: list[ConsentItem]
    recipients: list[Recipient]
    history: list[HistoryHeld]
    submissions: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    pending_items: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    sale_processes: list[dict[str, Any]]


class RetentionItem(BaseModel):
    """What retention asks for deliveries of an outcome: `keep`, for how long (null: for ever), and how many are due."""

    outcome: str
    keep: str | None
    due: int

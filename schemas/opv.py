"""The OPV as the API and the commands show it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.funnel import PossibleMove
from schemas.page import Paging, Since

Value = str | int | float | bool
"""Of one of the house's fields: a text, date (`2026-03-01`) or option; a number; yes or no."""


class OpvFilters(Paging):
    """What a list of OPVs is narrowed to; people, teams, stages, channels and developments by key."""

    funnel: str | None = None
    stage: str | None = None
    stage_status: str | None = None
    status: Literal["open", "won", "lost"] | None = None
    team: str | None = None
    manager: str | None = None
    broker: str | None = None
    development: str | None = None
    source: str | None = None
    channel: str | None = None
    number: int | None = Field(None, ge=1, le=2**31 - 1)
    undistributed: bool | None = None
    accepting: bool | None = None
    tag: str | None = None
    created_since: Since | None = None


class HistoryFilters(Paging):
    """What a history is narrowed to. `kind`: one or several; `opv.` stands for all that begin so. `person`: the key of
    who did it (or an actor in full, as `automation:hot-lead`). From `since` up to, and without, `until`."""

    kind: list[str] = Field(default_factory=list, max_length=50)
    person: str | None = None
    since: Since | None = None
    until: Since | None = None


class OpvClient(BaseModel):
    """A client and its part in the OPV. `phones` are E.164; the first phone and e-mail are the main ones."""

    id: UUID
    kind: str
    name: str | None
    phones: list[str]
    emails: list[str]
    document: str | None
    role: str


class Capture(BaseModel):
    """A capture card. `by` is the person who registered it by hand, `typed` what was typed, word for word. `price` is
    in reais; `broker_named` is whom of the house the sender named, as sent; `raw` holds each value as sent that was
    changed, dropped or not resolved, `flags` say what was done. The first and the last touch of an OPV are its oldest
    and its newest card."""

    source: str
    first_touch: bool
    last_touch: bool
    by: str | None = None
    typed: dict[str, Any] | None = None
    channel: str
    delivery: UUID | None
    submission: UUID | None
    external_id: str | None
    received_at: datetime
    submitted_at: datetime | None
    returning: bool
    campaign: str | None
    medium: str | None
    origin: str | None
    development: str | None
    listing: str | None
    transaction: str | None
    price: float | None
    city: str | None
    state: str | None
    broker_named: str | None = None
    ad: dict[str, Any] = Field(default_factory=dict)
    utm: dict[str, Any] = Field(default_factory=dict)
    click_ids: dict[str, Any] = Field(default_factory=dict)
    message: str | None = None
    answers: dict[str, Any] = Field(default_factory=dict)
    consent: list[Any] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)
    raw: dict[str, Any] = Field(default_factory=dict)
    flags: list[str] = Field(default_factory=list)


class WaitsForBroker(BaseModel):
    """Why an OPV has no broker yet, and since when."""

    reason: str
    since: datetime


class ToAccept(BaseModel):
    """Who is to accept an OPV, and until when."""

    broker: str
    until: datetime


class Opv(BaseModel):
    """An OPV: the main client first, the newest capture first. `fields`: those that are not empty, by key."""

    id: UUID
    number: int
    funnel: str
    stage: str
    stage_status: str | None
    status: str
    team: str | None
    manager: str | None
    broker: str | None
    presales_team: str | None
    presales_manager: str | None
    presales_broker: str | None
    second_broker: str | None
    development: str | None
    clients: list[OpvClient]
    captures: list[Capture]
    created_at: datetime
    assigned_at: datetime | None
    first_contact_at: datetime | None
    undistributed: WaitsForBroker | None
    acceptance: ToAccept | None = None
    tags: list[str] = Field(default_factory=list)
    fields: dict[str, Value] = Field(default_factory=dict)


class OpvDetail(Opv):
    """An OPV, and where the viewer may move it to now."""

    moves: list[PossibleMove]


class HistoryItem(BaseModel):
    """A fact. The keys of `data` stand beside the others too, unless they clash. `content` is the personal part,
    null when there is none or it was erased (`content_erased_at`)."""

    model_config = ConfigDict(extra="allow")

    seq: int
    at: datetime
    kind: str
    actor: str
    data: dict[str, Any]
    content: dict[str, Any] | None
    content_erased_at: datetime | None
    hash: str


class DecisionItem(BaseModel):
    """One run of distribution: the rule that matched, the pick, or the reason why there is none, explained."""

    id: UUID
    at: datetime
    config_version: int
    rule: str | None
    queue: str | None
    broker: str | None
    reason: str | None
    explanation: Any

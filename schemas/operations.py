"""Deliveries, work, channels, queues and what else the people who run the house look at."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from schemas.availability import AvailabilityItem
from schemas.page import Page, Paging, Parameters, Since

OutcomeWord = Literal["pending", "captured", "repeated", "test", "ignored", "parked"]


class DeliveryFilters(Paging):
    """What a list of deliveries is narrowed to. `reason` is that of the submission that decides the outcome."""

    outcome: OutcomeWord | None = None
    channel: str | None = None
    reason: str | None = None
    since: Since | None = None


class Replay(Parameters):
    """Which deliveries to put back: at least one of the filters, the newest first. `dry_run`: only say what would
    change."""

    outcome: OutcomeWord | None = None
    channel: str | None = None
    reason: str | None = None
    since: Since | None = None
    limit: int = Field(1000, ge=1, le=1000)
    dry_run: bool = False

    @model_validator(mode="after")
    def _narrowed(self) -> Replay:
        if self.outcome == "pending":
            raise ValueError("pending deliveries are on the work list already")
        if not (self.outcome or self.channel or self.reason or self.since):
            raise ValueError("say which: outcome, channel, reason or since")
        return self


class BecameItem(BaseModel):
    """An outcome and its reason."""

    outcome: OutcomeWord
    reason: str | None


class PreviewItem(BaseModel):
    """What reading a delivery now would make of it. `pending`: its leads would be asked of the platform again."""

    delivery: UUID
    channel: str
    before: BecameItem
    after: BecameItem


class ReplayAnswer(BaseModel):
    """How many deliveries were put back, or would be; `more`: others match as well. Of a dry run, those that would
    change, each with its outcome before and after."""

    deliveries: int
    more: bool
    dry_run: bool
    changes: list[PreviewItem]


class DriftItem(BaseModel):
    """A field that a platform sent and its source does not know: its path, and the first delivery with it."""

    source: str
    field: str
    channel: str
    delivery: UUID
    first_at: datetime


class ForwardingItem(BaseModel):
    """A channel's deliveries of one day, and how many were sent on, wait to be, or were not taken (`parked`, by
    reason). `unsent`: received, and not to be sent on (before `forward_to` was set, or sent here by a Porteiro)."""

    channel: str
    day: date
    received: int
    forwarded: int
    waiting: int
    parked: int
    parked_by_reason: dict[str, int]
    unsent: int


class ForwardingFilters(Parameters):
    """A day of the company's zone; today, when none is named."""

    day: date | None = None


class SubmissionItem(BaseModel):
    """One lead of a delivery. `state` is `fetch` while the platform has not given the lead yet, `ingest` while it
    waits to be read, then `done`. `opv` is the OPV that it was captured in, or that its first was."""

    id: UUID
    external_id: str | None
    key: str | None
    state: str
    outcome: str
    reason: str | None
    detail: str | None
    opv: UUID | None
    repeat_of: UUID | None
    attempts: int
    failures: int
    due_at: datetime | None


class DeliveryItem(BaseModel):
    """One request as received. A delivery whose leads are not yet fetched is `pending`, with `fetch` as the
    state of its submissions. `accepted_at`: when a person said that none of its leads is junk; `erased_at`: when its
    request was blanked, for a person's sake or because its time was over: it cannot be read anew."""

    id: UUID
    channel: str
    source: str
    received_at: datetime
    outcome: str
    reason: str | None
    detail: str | None
    sha256: str | None
    replays: int
    accepted_at: datetime | None
    erased_at: datetime | None = None
    submissions: list[SubmissionItem]


class DeliveryDetail(DeliveryItem):
    """A delivery with the request as stored: secrets are masked, `body` is text with what is no UTF-8 replaced. For
    operations URL, headers and body show the shape of their values alone, `body_base64` and `sha256` are null."""

    url: str
    headers: dict[str, str]
    body: str
    body_base64: str | None


class Refusals(BaseModel):
    """Requests refused at a channel's door."""

    total: int
    last_at: datetime | None
    last_reason: str | None
    by_reason: dict[str, int]


class OpenAlarm(BaseModel):
    """What a person must look at about a channel, since when."""

    kind: str
    detail: str
    raised_at: datetime


class AlarmItem(OpenAlarm):
    """An alarm; open until it is cleared. `channel` is null when it is about the house."""

    id: UUID
    channel: str | None
    cleared_at: datetime | None


class TokenItem(BaseModel):
    """What the platform said of the channel when it was last asked: whether token, permissions and subscription are
    well, and when the first of them ends (null: not known to end)."""

    ok: bool
    until: datetime | None


class ReconciliationItem(BaseModel):
    """The last pull from the platform's API: leads seen, those that only it brought, and why it did not succeed
    (`not_configured`: the channel's options do not say what to ask for)."""

    at: datetime | None
    seen: int
    found: int
    reason: str | None


class ChannelHealth(BaseModel):
    """How a channel does. `last_hour` counts deliveries; `usual_per_hour` is the mean of the same hour of the past four
    weeks, null before there is a week; `consecutive_failures`: tries in a row to fetch a lead that failed."""

    state: Literal["ok", "silent", "refused", "fetch_failing", "token"]
    usual_per_hour: float | None
    last_hour: int
    consecutive_failures: int
    token: TokenItem | None
    reconciliation: ReconciliationItem | None
    alarms: list[OpenAlarm]


class ChannelItem(BaseModel):
    """An entrance. `last_delivery_at` looks four weeks back."""

    key: str
    source: str
    retired: bool
    last_delivery_at: datetime | None
    deliveries_24h: int
    outcomes_24h: dict[str, int]
    refusals: Refusals
    health: ChannelHealth


class StepWork(BaseModel):
    """A step's work list: rows that wait or are worked on, the age of the oldest in seconds, rows done in the last
    minute, rows parked, and `failures`: those parked and those that failed and will be tried again."""

    step: str
    depth: int
    oldest_seconds: float
    rate: int
    failures: int
    parked: int


class QueueMemberItem(BaseModel):
    """A broker of a queue. `share` is its part of all that the queue served, 0 to 1; `owed`: turns to be made good;
    `left_out`: why it would be given nothing now, null when it would; `said`: what it said of itself."""

    broker: str
    last_turn: int
    served: int
    share: float
    active: bool
    position: int
    owed: int = 0
    left_out: str | None = None
    said: AvailabilityItem | None = None


class QueueTeamItem(BaseModel):
    """A team of a queue in which teams take turns."""

    team: str
    last_turn: int
    served: int
    share: float
    owed: int


class PauseItem(BaseModel):
    """Since when a queue gives nothing, and who said so; both null when it does give."""

    queue: str
    at: datetime | None = None
    by: str | None = None


class QueueItem(BaseModel):
    """A line of brokers (roleta), the one whose turn is next first: of a whole `queue`, or of one that has a line for
    each development. `strategy` is null when the configuration no longer has it; `next`: who would be given a lead for
    which all are right, null when nobody would."""

    key: str
    queue: str
    development: str | None
    strategy: str | None
    turn: int
    paused: PauseItem | None
    next: str | None
    members: list[QueueMemberItem]
    teams: list[QueueTeamItem]


class UndistributedFilters(Paging):
    """What a list of OPVs without a broker is narrowed to. `state`: `waiting` for somebody, `offered` to be claimed, or
    in a `pool`; `queue` and `development` by key."""

    reason: str | None = None
    state: Literal["waiting", "offered", "pool"] | None = None
    queue: str | None = None
    development: str | None = None


class UndistributedItem(BaseModel):
    """An OPV that waits for a broker: `waiting` before the first try, then why there is none. `queue` is the line that
    has nobody, offers it or has it in its pool, `rule` the one that led there; `asked_for`: that rule or queue was
    named for this OPV. `age` counts seconds since `since`; `next_try` is null when nothing comes due by itself."""

    opv: UUID
    number: int
    reason: str
    state: Literal["waiting", "offered", "pool", "accepting"]
    queue: str | None
    rule: str | None
    asked_for: bool
    part: Literal["sales", "presales"]
    since: datetime
    age: int
    next_try: datetime | None
    development: str | None
    stage: str
    broker: str | None


class UndistributedCounts(BaseModel):
    """How many OPVs wait for a broker, by reason and by queue (`-`: none), and since when the oldest does."""

    total: int
    by_reason: dict[str, int]
    by_queue: dict[str, int]
    oldest: datetime | None


class UndistributedPage(Page[UndistributedItem]):
    """OPVs that wait for a broker, the newest first, and how many there are in all that match."""

    counts: UndistributedCounts


class UnmappedFilters(Paging):
    """What a list of unmapped values is narrowed to."""

    field: str | None = None
    channel: str | None = None


class UnmappedItem(BaseModel):
    """A value that means nothing configured, and how often it came."""

    field: str
    value: str
    channel: str
    count: int
    first_at: datetime
    last_at: datetime


class MergeSuggestionItem(BaseModel):
    """Two clients that one lead's contacts point at."""

    client: UUID
    other: UUID
    submission: UUID | None
    because: str
    created_at: datetime

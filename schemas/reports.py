"""Reports: what they are asked for, and their lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, model_validator

from schemas.errors import Reject
from schemas.page import Parameters

Times = Literal["day", "week", "month"]
WithdrawalsBy = Literal[
    "reason", "sub_reason", "stage", "broker", "team", "manager", "source", "development", "day", "week", "month"
]
OriginsBy = Literal["origin", "campaign", "medium", "source", "channel", "development", "day", "week", "month"]
CostsBy = Literal["campaign", "medium", "origin"]
Format = Literal["json", "csv", "svg"]


def _in_range(value: datetime) -> datetime:
    """Far from the ends of time, where no zone can be applied any more."""
    if not 1900 <= value.year <= 9000:
        raise ValueError("the time is out of range")
    return value


Moment = Annotated[datetime, AfterValidator(_in_range)]
"""A time, or a day, which then is its first moment; without a zone, the company's."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time from `since` on and before `until`, in UTC; open where it is None."""

    since: datetime | None = None
    until: datetime | None = None


class CountItem(BaseModel):
    """How many of a key; the key is null for those without one. The key of a day is `2026-09-21`, of a week `2026-W39`
    (ISO 8601), of a month `2026-09`, in the company's zone; of a sub-reason `reason/sub_reason`."""

    key: str | None
    name: str
    count: int


class CrossItem(CountItem):
    """A line of a two-way table: `across` has the same keys in the same order in every line."""

    across: list[CountItem]


class OriginItem(BaseModel):
    """Leads of a source and campaign; `opvs` of them opened an OPV, the others came back to one. `campaign` is the key
    of the campaign, else what was sent."""

    source: str
    name: str
    campaign: str | None
    campaign_name: str | None
    leads: int
    opvs: int


class LeadItem(BaseModel):
    """Leads of a key; `opvs` of them opened an OPV, the others came back to one."""

    key: str | None
    name: str
    leads: int
    opvs: int


class FunnelItem(BaseModel):
    """A stage of the funnel and the OPVs created in the period; the last item, of the kind `won`, are the sales.

    `reached`: how many got to the stage or past it. `share`: that as a part of those of the stage before, `of_all` of
    all, null where there is nothing to divide by. `open`: those there now, `lost`: those withdrawn from there.
    `median_days`: of the stays there that have ended, null when none has."""

    key: str
    kind: Literal["stage", "won"]
    name: str
    reached: int
    share: float | None
    of_all: float | None
    open: int
    lost: int
    median_days: float | None


class FirstContactItem(BaseModel):
    """Seconds from an OPV's creation to its first contact, by its broker now. `waiting` are the open OPVs that nobody
    has contacted yet; a figure is null when there was no contact."""

    key: str | None
    name: str
    count: int
    waiting: int
    median: float | None
    p75: float | None
    p90: float | None


class CostItem(BaseModel):
    """What a campaign, medium or origin cost in the period, in reais, and what came of it: its leads, the OPVs that
    they opened, and those of these that are sold by now. What nothing came of has no cost each (null)."""

    key: str
    name: str
    cost: float
    leads: int
    opvs: int
    sales: int
    cost_per_lead: float | None
    cost_per_opv: float | None
    cost_per_sale: float | None


class FairnessItem(BaseModel):
    """A broker of a queue's line (`queue`: its key, with `@` and the development for a line of that one) in the period.

    `turns`: leads that the line gave to it, `given_share` of all that the line gave. `expected`: turns that its share
    comes to, by its weight and its team's share, over the decisions at which it was a member; `deviation` from that, in
    turns and in percentage points. `present`: the same over those decisions alone at which it was not left out, among
    those who were there; queues that go by what brokers have expect no more than that. Shares are null where nothing
    was given.

    `missed`: turns that it missed, by reason; `capped`: decisions at which a cap left it out; `claimed`: leads that it
    claimed, or took out of the pool; `given_back`: turns given back since the lead was none."""

    queue: str
    key: str
    name: str
    turns: int
    given_share: float | None
    expected: float
    expected_share: float | None
    deviation: float
    deviation_points: float | None
    present: float
    present_share: float | None
    missed: int
    missed_because: dict[str, int]
    capped: int
    claimed: int
    given_back: int


class ReportFilters(Parameters):
    """The period, `since` included and `until` not, and the form of the answer. A day, or a time without a zone, is of
    the company's zone."""

    since: Moment | None = None
    until: Moment | None = None
    format: Format = "json"

    @property
    def item(self) -> type[BaseModel]:
        """What a line of the answer is."""
        raise NotImplementedError  # each report has its own

    def period(self, zone: ZoneInfo) -> Period:
        """The period asked for. Raises `Reject` (422) for one that ends before it begins."""
        since, until = (
            at and (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC)
            for at in (self.since, self.until)
        )
        if since and until and until <= since:
            raise Reject("empty_period", "the period ends before it begins: `until` is after `since`", 422)
        return Period(since, until)


class WithdrawalFilters(ReportFilters):
    """What withdrawals are counted by, and across: each in lines, each in columns."""

    by: WithdrawalsBy = "reason"
    across: WithdrawalsBy | None = None

    @property
    def item(self) -> type[BaseModel]:
        return CrossItem if self.across else CountItem

    @model_validator(mode="after")
    def _two(self) -> WithdrawalFilters:
        _unlike(self.by, self.across)
        return self


class OriginFilters(ReportFilters):
    """What leads are counted by, and across; by source and campaign together when nothing is said."""

    by: OriginsBy | None = None
    across: OriginsBy | None = None

    @property
    def item(self) -> type[BaseModel]:
        return CrossItem if self.across else LeadItem if self.by else OriginItem

    @model_validator(mode="after")
    def _two(self) -> OriginFilters:
        if self.across is not None and self.by is None:
            raise ValueError("`across` goes with `by`")
        _unlike(self.by, self.across)
        return self


class CostFilters(ReportFilters):
    """Whose costs: of campaigns, media or origins."""

    by: CostsBy = "campaign"

    @property
    def item(self) -> type[BaseModel]:
        return CostItem


class FunnelFilters(ReportFilters):
    """When the OPVs were created, and in which funnel they are; `funnel` of the configuration, if none is named."""

    funnel: str | None = None

    @property
    def item(self) -> type[BaseModel]:
        return FunnelItem


class FirstContactFilters(ReportFilters):
    """When the OPVs were created."""

    @property
    def item(self) -> type[BaseModel]:
        return FirstContactItem


class FairnessFilters(ReportFilters):
    """When it was decided, and in which queue: a queue's key means all its lines."""

    queue: str | None = None

    @property
    def item(self) -> type[BaseModel]:
        return FairnessItem


def _unlike(by: str | None, across: str | None) -> None:
    if across is not None and by == across:
        raise ValueError("`across` is another thing than `by`")

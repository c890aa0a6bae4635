"""What past leads would have become under other rules, beside what became of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from schemas.duration import Duration
from schemas.errors import Reject
from schemas.reports import Moment


class ShareItem(BaseModel):
    """Leads that a broker, team or queue got (`then`) and would have got (`now`); shares are parts of all leads that
    somebody got."""

    key: str
    name: str
    then: int
    now: int
    then_share: float
    now_share: float
    difference: int


class Waits(BaseModel):
    """Seconds from a lead's creation until somebody had it; null when nobody had any."""

    count: int
    median: float | None
    p90: float | None
    longest: float | None


class ReasonItem(BaseModel):
    """Leads that nobody got, by the reason; `offered` and `pool` are there to be claimed."""

    reason: str
    then: int
    now: int


class DevelopmentItem(BaseModel):
    """Leads of a development; the key is null for those without one. `moved`: of these, another person would have got;
    `nobody_…`: nobody got."""

    key: str | None
    name: str
    leads: int
    moved: int
    nobody_then: int
    nobody_now: int
    median_then: float | None
    median_now: float | None


class MovedItem(BaseModel):
    """A lead that another person would have got, with the reason in a sentence."""

    number: int
    at: datetime
    then: str
    now: str
    why: str


class SimulationBody(BaseModel):
    """What is simulated. `rules` is a whole configuration, or only the sections of it that are to change, as YAML or
    JSON text, or as an object. `since`: how far back, as `30 days`, or from which time on; `until`: now, if left
    out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Annotated[str, Field(max_length=2 * 1024 * 1024)] | dict[str, Any]
    since: Annotated[str, Field(max_length=40)] = "30 days"
    until: Moment | None = None

    @property
    def text(self) -> str:
        """The rules as text."""
        return self.rules if isinstance(self.rules, str) else json.dumps(self.rules)

    def period(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Begin and end, in UTC. Raises as `begin_of`."""
        until = self.until or now
        until = (until.replace(tzinfo=zone) if until.tzinfo is None else until).astimezone(UTC)
        return begin_of(self.since, until, zone), until


def begin_of(since: str, until: datetime, zone: ZoneInfo) -> datetime:
    """A span before `until`, or a time (ISO 8601, in `zone` when it names none). Raises `Reject` (422): `bad_since`,
    `empty_period`."""
    try:
        begin = until - Duration.parse(since).span
    except ValueError:
        try:
            begin = datetime.fromisoformat(since)
        except ValueError:
            raise Reject(
                "bad_since", f"{since!r} is no span and no time: write `30 days` or `2026-03-01`", 422
            ) from None
        begin = (begin.replace(tzinfo=zone) if begin.tzinfo is None else begin).astimezone(until.tzinfo)
    if begin >= until:
        raise Reject("empty_period", "the period ends before it begins: say an earlier `since`", 422)
    return begin


class Simulation(BaseModel):
    """The leads created from `since` on and before `until`, in the order in which they came on the list. `moved`: how
    many somebody else would have got; `sample`: some of those, spread over the time."""

    since: datetime
    until: datetime
    leads: int
    moved: int
    brokers: list[ShareItem]
    teams: list[ShareItem]
    queues: list[ShareItem]
    waits_then: Waits
    waits_now: Waits
    undistributed: list[ReasonItem]
    developments: list[DevelopmentItem]
    sample: list[MovedItem]

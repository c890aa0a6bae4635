"""What past leads would have become under other rules, beside what became of them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


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

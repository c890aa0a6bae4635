"""Reports: what they are asked for, and their lines."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from schemas.page import Parameters, Since

WithdrawalsBy = Literal["reason", "stage", "broker", "team", "manager", "source", "development"]


class ReportFilters(Parameters):
    """The period, `since` included and `until` not, and the form of the answer."""

    since: Since | None = None
    until: Since | None = None
    format: Literal["json", "csv"] = "json"


class WithdrawalFilters(ReportFilters):
    """What withdrawals are counted by."""

    by: WithdrawalsBy = "reason"


class CountItem(BaseModel):
    """How many of a key; the key is null for those without one."""

    key: str | None
    name: str
    count: int


class OriginItem(BaseModel):
    """Leads of a source and campaign; `opvs` of them opened an OPV, the others came back to one."""

    source: str
    name: str
    campaign: str | None
    leads: int
    opvs: int


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

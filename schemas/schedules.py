"""Scheduled automations as the API and the command line show them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class ScheduledRunItem(BaseModel):
    """A planned time of a scheduled automation that is over: done, timed_out, stopped or skipped. `seen`: open OPVs
    that were looked at, `matched`: those for which its condition held."""

    planned_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: str
    seen: int
    matched: int


class RunUnderWay(BaseModel):
    """A run of a scheduled automation. `share`: where it is among all OPVs by their ids, 0 to 1; ids follow the time
    that OPVs were made."""

    planned_at: datetime
    started_at: datetime
    seen: int
    matched: int
    share: float


class ScheduleItem(BaseModel):
    """A scheduled automation. `lateness_seconds`: since the time planned for what should have begun or is under way, 0
    when nothing is; `last`: its last planned times, the newest first."""

    automation: str
    cron: str
    zone: str
    paused: bool
    next_at: datetime
    lateness_seconds: float
    running: RunUnderWay | None
    last: list[ScheduledRunItem]

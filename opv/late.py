"""Late leads: a portal that could not reach us sends again for days. They are marked, and their clocks count from
when the person wrote, not from when we heard of it."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

LATE = "late"
"""The flag of such a lead."""

ON_TIME = timedelta(hours=1)
OLDEST = timedelta(days=90)
"""What is older than this runs no clock: the time is wrong, or the lead is an archive's."""


def is_late(submitted_at: datetime | None, received_at: datetime, zone: tzinfo) -> bool:
    """Whether a lead came more than an hour after it was submitted. A sender that says the day alone (midnight in
    its zone) does not tell."""
    if submitted_at is None or received_at - submitted_at <= ON_TIME:
        return False
    return submitted_at.astimezone(zone).time() != time.min


def clock_start(submitted_at: datetime | None, now: datetime) -> datetime:
    """When the clocks of a late lead start: when it was submitted, unless that cannot be."""
    return submitted_at if submitted_at is not None and timedelta() <= now - submitted_at <= OLDEST else now

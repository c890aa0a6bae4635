"""When to try again. A pure function; the time it gives lives in a row."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

SCHEDULE = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 7200, 18000, 36000, 36000))
"""Waits after the first, second, … failure; about 30 hours in all, as long as the patient platforms retry."""

JITTER = 0.2


def next_try(failures: int, now: datetime, random: Random, after: timedelta | None = None) -> datetime | None:
    """When to try again after the `failures`-th failure (from 1), None when the budget is spent.

    The other side's `Retry-After` is honoured between the scheduled wait and twice that."""
    if failures > len(SCHEDULE):
        return None
    wait = SCHEDULE[failures - 1]
    if after is not None:
        wait = min(max(wait, after), 2 * wait)
    return now + wait * random.uniform(1 - JITTER, 1 + JITTER)

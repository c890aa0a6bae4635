"""Durations as the configuration writes them: `30 minutes`, `2 hours`, `15 business minutes`, `3 business days`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Literal

_UNITS = {
    "second": 1, "seconds": 1, "sec": 1, "s": 1,
    "minute": 60, "minutes": 60, "min": 60, "m": 60,
    "hour": 3600, "hours": 3600, "h": 3600,
    "day": 86400, "days": 86400, "d": 86400,
    "week": 604800, "weeks": 604800, "w": 604800,
}  # fmt: skip
_SHAPE = re.compile(r"\s*([0-9]{1,9})\s*(business\s+)?([a-z]+)\s*", re.IGNORECASE)
LONGEST = 3660
"""Days. A timer must fall on a date that every database knows."""
_LONGEST_BUSINESS = 2000
"""Hours: about a year of work."""


@dataclass(frozen=True, slots=True)
class Duration:
    """`calendar`: `span` is exact. `business_time`: `span` counts while people work. `business_days`: `days` whole
    business days, `span` is zero."""

    kind: Literal["calendar", "business_time", "business_days"]
    span: timedelta = timedelta()
    days: int = 0

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Duration:
        """Reads a duration. Raises ValueError with what to write instead."""
        shape = _SHAPE.fullmatch(text)
        if shape is None or shape[3].lower() not in _UNITS:
            raise ValueError(f"`{text}` is no duration: write for example `30 minutes`, `2 hours`, `3 business days`")
        count, business, unit = int(shape[1]), shape[2], shape[3].lower()
        if count * _UNITS[unit] > LONGEST * 86400:
            raise ValueError(f"`{text}` is too long: write at most `{LONGEST} days`")
        span = timedelta(seconds=count * _UNITS[unit])
        if not business:
            return cls("calendar", span)
        if unit in ("day", "days", "d"):
            return cls("business_days", days=count)
        if _UNITS[unit] not in (60, 3600):
            raise ValueError(
                f"`{text}`: business time is counted in minutes, hours or days, write for example `3 business days`"
            )
        if span > timedelta(hours=_LONGEST_BUSINESS):
            raise ValueError(f"`{text}` is too long: write at most `{_LONGEST_BUSINESS} business hours`")
        return cls("business_time", span)

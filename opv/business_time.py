"""Business days in the company's zone: Monday to Friday, without the holidays of its state (`holidays` library)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays

CLOSED_ALL_THE_SAME = ("Carnival", "Corpus Christi")
"""Optional holidays by Brazilian law (Portaria MGI, each year), on which next to nobody works."""


class Calendar:
    """The company's calendar. `region` is `BR` or `BR-SP`."""

    def __init__(self, region: str, zone: ZoneInfo) -> None:
        country, _, subdivision = region.partition("-")
        self._holidays: Container[date] = holidays.country_holidays(country, subdiv=subdivision or None)
        self._optional: Mapping[date, str] = (
            holidays.country_holidays(country, categories="optional", language="en_US") if country == "BR" else {}
        )
        self._zone = zone

    def is_business_day(self, day: date) -> bool:
        """Whether people work on the day."""
        closed = day in self._holidays or self._optional.get(day) in CLOSED_ALL_THE_SAME
        return day.weekday() < 5 and not closed

    def add_business_days(self, moment: datetime, days: int) -> datetime:
        """The same local time `days` business days later; counted from the next business day's start when the
        moment itself is on a day off."""
        local = moment.astimezone(self._zone)
        if not self.is_business_day(local.date()):
            local = local.replace(hour=0, minute=0, second=0, microsecond=0)
            local = self._next(local)
        for _ in range(days):
            local = self._next(local)
        return local.astimezone(UTC)

    def _next(self, local: datetime) -> datetime:
        local += timedelta(days=1)
        while not self.is_business_day(local.date()):
            local += timedelta(days=1)
        return local

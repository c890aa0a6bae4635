"""Cron expressions as the configuration writes them: `0 9 * * mon-fri`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS = 5
_EXAMPLE = "write minute, hour, day, month and weekday, for example `0 9 * * mon-fri`"
_ANY_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - whether there is a time at all depends on no zone


@dataclass(frozen=True, slots=True)
class Cron:
    """Times of the clock of a zone, to the minute. When clocks are put forward, a time in the hour that there is not
    comes as soon as that hour is over; when they are put back, a time in the hour that there is twice comes once."""

    text: str

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Cron:
        """Reads an expression. Raises ValueError with what to write instead."""
        if len(text.split()) != _FIELDS:
            raise ValueError(f"`{text}` is no time of the clock: {_EXAMPLE}")
        try:
            next(CronSim(text, _ANY_DAY))
        except CronSimError as error:
            field = str(error).removeprefix("Bad ")
            raise ValueError(f"`{text}`: there is no such {field}: {_EXAMPLE}") from None
        except StopIteration:
            raise ValueError(f"`{text}` never comes: {_EXAMPLE}") from None
        return cls(text)

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first time after the moment, in UTC."""
        return next(self._times(moment, zone))

    def last(self, most: int, after: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
        """The last `most` times after a moment and not after another, in order, in UTC."""
        span = timedelta(hours=1)
        while True:  # further and further back: all times of a year may be half a million
            since = max(after, until - span)
            found: deque[datetime] = deque(maxlen=most)
            for at in self._times(since, zone):
                if at > until:
                    break
                found.append(at)
            if len(found) == most or since == after:
                return list(found)
            span *= 2

    def _times(self, moment: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        for local in CronSim(self.text, moment.astimezone(zone)):
            at = local.astimezone(UTC)
            if at > moment:  # within the hour that there is twice, the library begins with its first
                yield at

"""Shifts as the configuration writes them: `mon-fri 09:00-18:00`, `sat,sun,holidays 10:00-19:00`,
`2026-12-24 09:00-12:00`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOLIDAYS = "holidays"
_SHAPE = re.compile(r"\s*(\S.*?)\s+([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*", re.ASCII)
_DATE = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Shift:
    """Hours on weekdays (0 is Monday), on holidays, on dates. `start` and `end` are minutes from the day's midnight;
    an `end` beyond 1440 is on the next day, and still belongs to the day on which the shift starts."""

    weekdays: frozenset[int]
    holidays: bool
    dates: frozenset[date]
    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Shift:
        """Reads a shift. Raises ValueError with what to write instead."""
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            raise ValueError(f"`{text}` is no shift: write days and hours, for example `mon-fri 09:00-18:00`")
        start, end = _minutes(shape[2], shape[3]), _minutes(shape[4], shape[5])
        if start in (end, _DAY):
            raise ValueError(f"`{text}` has no length: write for example `09:00-18:00`, `00:00-24:00`, `20:00-02:00`")
        names = [name.strip() for name in shape[1].lower().split(",")]
        dates = [name for name in names if _DATE.fullmatch(name)]
        return cls(
            frozenset(day for name in names if name not in (_HOLIDAYS, *dates) for day in _range(name)),
            _HOLIDAYS in names,
            frozenset(map(_date, dates)),
            start,
            end if end > start else end + _DAY,
        )

    def is_on(self, day: date, *, holiday: bool) -> bool:
        """Whether it starts on the day, by its weekly days alone: on a holiday, weekdays do not count."""
        return self.holidays if holiday else day.weekday() in self.weekdays


def of_day(shifts: Iterable[Shift], day: date, *, holiday: bool) -> list[Shift]:
    """The shifts that start on the day: those written for its date, else the weekly ones."""
    shifts = list(shifts)
    dated = [shift for shift in shifts if day in shift.dates]
    return dated or [shift for shift in shifts if shift.is_on(day, holiday=holiday)]


def _minutes(hour: str, minute: str) -> int:
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > _DAY:
        raise ValueError(f"`{hour}:{minute}` is no time of a day: write `00:00` to `24:00`")
    return minutes


def _range(name: str) -> list[int]:
    first, dash, last = (part.strip() for part in name.partition("-"))
    if first not in _DAYS or (dash and last not in _DAYS):
        known = ", ".join(f"`{day}`" for day in _DAYS)
        raise ValueError(f"`{name}` is no day: write {known}, `mon-fri`, `{_HOLIDAYS}` or a date, as `2026-12-05`")
    start = _DAYS.index(first)
    length = (_DAYS.index(last) - start) % 7 if dash else 0
    return [(start + step) % 7 for step in range(length + 1)]


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is no date of the calendar: write for example `2026-12-05`") from None

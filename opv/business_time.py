"""Business time: which days and hours are worked, in a zone, with its holidays (`holidays` library), shifts and
absences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, takewhile
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import holidays

from schemas.config import Absence
from schemas.duration import Duration
from schemas.shift import Shift, of_day

T = TypeVar("T")

CLOSED_ALL_THE_SAME = ("Carnival", "Corpus Christi")
"""Optional holidays by Brazilian law (Portaria MGI, each year), on which next to nobody works."""

LOOK_AHEAD = timedelta(days=60)
"""How far a change of the answer is looked for: further on, it is asked for again."""
_DAY = timedelta(days=1)
_DAYS_KEPT = 64


class Calendar:
    """Days of a place. `region` is `BR` or `BR-SP`; `days_off` are dates, `2026-12-24`, or days of every year, `01-25`.

    Business days are Monday to Friday without the holidays."""

    def __init__(self, region: str, zone: ZoneInfo, days_off: Iterable[str] = ()) -> None:
        self._country, _, subdivision = region.partition("-")
        self._subdivision = subdivision or None
        self._days_off = frozenset(days_off)
        self._closed: dict[int, Collection[date]] = {}
        self.zone = zone

    def is_holiday(self, day: date) -> bool:
        """Whether the place is closed on the day."""
        year = day.year
        if year not in self._closed:
            self._closed[year] = self._holidays(year)
        text = day.isoformat()
        return day in self._closed[year] or text in self._days_off or text[5:] in self._days_off

    def is_business_day(self, day: date) -> bool:
        """Whether people work on the day."""
        return day.weekday() < 5 and not self.is_holiday(day)

    def add_business_days(self, moment: datetime, days: int) -> datetime:
        """The same local time `days` business days later; counted from the next business day's start when the
        moment itself is on a day off."""
        local = moment.astimezone(self.zone)
        if not self.is_business_day(local.date()):
            local = local.replace(hour=0, minute=0, second=0, microsecond=0)
            local = self._next(local)
        for _ in range(days):
            local = self._next(local)
        return local.astimezone(UTC)

    def subtract_business_days(self, moment: datetime, days: int) -> datetime:
        """The same local time so many business days earlier, whatever day the moment itself is on."""
        local = moment.astimezone(self.zone)
        for _ in range(days):
            local = self._next(local, -_DAY)
        return local.astimezone(UTC)

    def _next(self, local: datetime, step: timedelta = _DAY) -> datetime:
        local += step
        while not self.is_business_day(local.date()):
            local += step
        return local

    def _holidays(self, year: int) -> Collection[date]:
        days = set(holidays.country_holidays(self._country, subdiv=self._subdivision, years=year))
        if self._country == "BR":
            optional = holidays.country_holidays("BR", categories="optional", language="en_US", years=year)
            days.update(day for day, name in optional.items() if name in CLOSED_ALL_THE_SAME)
        return frozenset(days)


class Span(NamedTuple):
    """From `since` until `until` (exclusive, both UTC), within the local `day`, these shifts run."""

    since: datetime
    until: datetime
    day: date
    holiday: bool
    shifts: Sequence[Shift]


class Hours:
    """Shifts in a place, cut day by day. The last days are kept, since the same moments are asked for again and
    again."""

    def __init__(self, calendar: Calendar, shifts: Sequence[Shift]) -> None:
        self.calendar = calendar
        self._shifts = shifts
        self._days: dict[date, Sequence[Span]] = {}

    def after(self, moment: datetime) -> Iterator[Span]:
        """What runs from the moment on, without end."""
        day = moment.astimezone(self.calendar.zone).date()
        while True:
            for span in self._of_day(day):
                if moment < span.until:
                    yield span
            day += _DAY

    def before(self, moment: datetime) -> Iterator[Span]:
        """What ran until the moment, the latest first, without end."""
        day = moment.astimezone(self.calendar.zone).date()
        while True:
            for span in reversed(self._of_day(day)):
                if span.since < moment:
                    yield span
            day -= _DAY

    def _of_day(self, day: date) -> Sequence[Span]:
        """All of a local day, from midnight to midnight."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= _DAYS_KEPT:
                self._days = {}
            found = self._days[day] = list(self._cut(day))
        return found

    def _cut(self, day: date) -> Iterator[Span]:
        begin, end, holiday = self._moment(day, 0), self._moment(day + _DAY, 0), self.calendar.is_holiday(day)
        running = [
            (self._moment(start, shift.start), self._moment(start, shift.end), shift)
            for start in (day - _DAY, day)
            for shift in of_day(self._shifts, start, holiday=self.calendar.is_holiday(start))
        ]
        edges = {edge for since, until, _ in running for edge in (since, until) if begin < edge < end}
        for since, until in pairwise(sorted({begin, end, *edges})):
            yield Span(since, until, day, holiday, [one for first, last, one in running if first <= since < last])

    def _moment(self, day: date, minutes: int) -> datetime:
        """UTC of what a clock on the wall shows."""
        local = datetime(day.year, day.month, day.day, tzinfo=self.calendar.zone) + timedelta(minutes=minutes)
        return local.astimezone(UTC)


class Stretch(NamedTuple, Generic[T]):
    """An answer that holds from `since` until `until` (exclusive), both UTC."""

    since: datetime
    until: datetime
    answer: T


class Timetable(Generic[T]):
    """An answer for every moment, by the shifts that run then. The last one is kept: while it holds, being asked again
    costs a comparison."""

    def __init__(self, hours: Hours) -> None:
        self.hours = hours
        self._last: Stretch[T] | None = None

    def answer(self, span: Span) -> T:
        """What holds in the span."""
        raise NotImplementedError

    def at(self, moment: datetime) -> Stretch[T]:
        """What holds at the moment, and until when: looked for up to `LOOK_AHEAD`, to the end of that day."""
        last = self._last
        if last is not None and last.since <= moment < last.until:
            return last
        spans = self.hours.after(moment)
        since, until, *_ = first = next(spans)
        answer = self.answer(first)
        for span in spans:
            if span.since - moment >= LOOK_AHEAD or self.answer(span) != answer:
                break
            until = span.until
        self._last = found = Stretch(since, until, answer)
        return found


class WorkingTime(Timetable[str | None]):
    """When somebody works: in shifts, and not on days of absence, whatever shift began the day before."""

    def __init__(self, hours: Hours, absences: Sequence[Absence] = ()) -> None:
        super().__init__(hours)
        self._absences = absences

    def answer(self, span: Span) -> str | None:
        """Why it does not work, None when it works."""
        if any(absence.from_ <= span.day <= absence.to for absence in self._absences):
            return "absent"
        if span.shifts:
            return None
        return "holiday" if span.holiday else "off_shift"

    def state(self, moment: datetime) -> tuple[str | None, datetime]:
        """Why it does not work then (`off_shift`, `holiday`, `absent`), None when it works, and until when (UTC,
        exclusive) that holds, as far as was looked."""
        _, until, reason = self.at(moment)
        return reason, until

    def next_start(self, moment: datetime) -> datetime | None:
        """The first moment from this one on, itself included, that is worked; None when there is none within
        `LOOK_AHEAD`."""
        near = takewhile(lambda span: span.since - moment <= LOOK_AHEAD, self.hours.after(moment))
        return next((max(span.since, moment) for span in near if self.answer(span) is None), None)

    def add(self, moment: datetime, wait: Duration) -> datetime:
        """The moment (UTC) at which the wait is over. Business minutes and hours count while it works; a stop longer
        than `LOOK_AHEAD` ends the wait. Business days are those of the place."""
        if wait.kind == "business_days":
            return self.hours.calendar.add_business_days(moment, wait.days)
        if wait.kind == "calendar":
            return moment + wait.span
        left = wait.span
        while (start := self.next_start(moment)) is not None:
            moment = next(self.hours.after(start)).until
            if start + left <= moment:
                return start + left
            left -= moment - start
        return moment + LOOK_AHEAD

    def last_end(self, moment: datetime) -> datetime | None:
        """The last moment until this one, itself included, at the end of something worked; None when there is none
        within `LOOK_AHEAD`."""
        near = takewhile(lambda span: moment - span.until <= LOOK_AHEAD, self.hours.before(moment))
        return next((min(span.until, moment) for span in near if self.answer(span) is None), None)

    def subtract(self, moment: datetime, wait: Duration) -> datetime:
        """The moment (UTC) that is so long before, counted as `add` counts; business days keep the time of day."""
        if wait.kind == "business_days":
            return self.hours.calendar.subtract_business_days(moment, wait.days)
        if wait.kind == "calendar":
            return moment - wait.span
        left = wait.span
        while (end := self.last_end(moment)) is not None:
            moment = next(self.hours.before(end)).since
            if end - left >= moment:
                return end - left
            left -= end - moment
        return moment - LOOK_AHEAD

"""Working time: holiday calendars that exist, and brokers who would stand at two stands at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

import holidays

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from schemas.conditions import nearest
from schemas.shift import Shift, of_day

_WEEK = [date(1, 1, 1) + timedelta(days=day) for day in range(8)]
"""Any week, and the Monday after it, for what Sunday's shift reaches into."""
_HOLIDAY = date(1, 2, 1)
"""Any holiday."""
_DAY = timedelta(days=1)


def check_working_time(root: Place, report: Report) -> None:
    """Reports calendars that the `holidays` library does not know, and warns of brokers on two stands at once."""
    for one in (root["company"], *root["teams"].each(), *root["people"].each(), *root["stands"].each()):
        _check_calendar(one["holidays"], report)
    _check_stands(root["stands"].each(), report)


def _check_calendar(calendar: Place, report: Report) -> None:
    if calendar.text is None:
        return
    country, _, subdivision = calendar.text.partition("-")
    known = holidays.list_supported_countries()
    if country not in known:
        report.error(calendar, f"no holidays are known of `{country}`: write for example `BR-SP`")
    elif subdivision and subdivision not in known[country]:
        report.error(calendar, f"`{country}` has no `{subdivision}`, {nearest(subdivision, known[country])}")


class _Duty(NamedTuple):
    """A broker's hours at a stand, in minutes from the calendar's first midnight."""

    start: int
    end: int
    stand: str
    broker: Place


def _check_stands(stands: list[Place], report: Report) -> None:
    rosters = {stand["key"].text or "": _roster(stand) for stand in stands}
    dates = {day for roster in rosters.values() for shift in roster for day in shift.dates}
    around = {near for day in dates for near in (day - _DAY, day, day + _DAY)}
    by_broker: dict[str, list[_Duty]] = {}
    for stand, roster in rosters.items():
        for day in [*_WEEK, _HOLIDAY, *sorted(around)]:
            for duty in _duties(stand, roster, day):
                by_broker.setdefault(duty.broker.text or "", []).append(duty)
    for duties in by_broker.values():
        running: list[_Duty] = []
        for duty in sorted(duties, key=lambda duty: duty.start):
            running = [one for one in running if one.end > duty.start]
            for one in running:
                if one.stand != duty.stand:
                    _warn_of_both(one, duty, report)
            running.append(duty)


def _warn_of_both(one: _Duty, other: _Duty, report: Report) -> None:
    first, second = sorted((one, other), key=lambda duty: duty.broker.mark)
    line = first.broker.mark[0]
    message = f"`{second.broker.text}` is on the stand `{first.stand}` at the same time (line {line})"
    report.warn(second.broker, message)


def _roster(stand: Place) -> dict[Shift, list[Place]]:
    """Brokers by shift, of the lines that can be read."""
    roster: dict[Shift, list[Place]] = {}
    for line in stand["roster"].each():
        try:
            shift = Shift.parse(line["when"].text or "")
        except ValueError:
            continue
        roster.setdefault(shift, []).extend(line["brokers"].each())
    return roster


def _duties(stand: str, roster: dict[Shift, list[Place]], day: date) -> Iterator[_Duty]:
    midnight = day.toordinal() * 24 * 60
    for shift in of_day(roster, day, holiday=day == _HOLIDAY):
        for broker in roster[shift]:
            if broker.text is not None:
                yield _Duty(midnight + shift.start, midnight + shift.end, stand, broker)

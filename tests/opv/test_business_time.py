"""Business time: weekends, holidays, Carnival, days off, zones; shifts and absences, to the minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opv.business_time import LOOK_AHEAD, Calendar, Hours, WorkingTime
from schemas.config import Absence
from schemas.duration import Duration
from schemas.shift import Shift

SAO_PAULO, MANAUS = ZoneInfo("America/Sao_Paulo"), ZoneInfo("America/Manaus")
SP = Calendar("BR-SP", SAO_PAULO)
AM = Calendar("BR-AM", MANAUS)
OFFICE = ["mon-fri 09:00-18:00", "sat 09:00-13:00"]
QUARTER = timedelta(minutes=15)


def working(calendar: Calendar, *shifts: str, absent: Sequence[tuple[str, str]] = ()) -> WorkingTime:
    absences = [Absence(from_=date.fromisoformat(first), to=date.fromisoformat(last)) for first, last in absent]
    return WorkingTime(Hours(calendar, list(map(Shift.parse, shifts))), absences)


def at(text: str, zone: ZoneInfo = SAO_PAULO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 13), True),
        (date(2026, 2, 14), False),  # Saturday
        (date(2026, 2, 16), False),  # Carnival Monday
        (date(2026, 2, 17), False),  # Carnival Tuesday
        (date(2026, 2, 18), True),  # Ash Wednesday
        (date(2026, 6, 4), False),  # Corpus Christi
        (date(2026, 7, 9), False),  # of São Paulo alone
        (date(2026, 9, 7), False),
        (date(2026, 10, 28), True),  # public servants' alone
        (date(2026, 12, 31), True),
    ],
)
def test_days_on_which_people_work(day: date, works: bool) -> None:
    assert SP.is_business_day(day) is works


def test_a_state_has_holidays_of_its_own() -> None:
    assert Calendar("BR", ZoneInfo("America/Sao_Paulo")).is_business_day(date(2026, 7, 9))
    assert Calendar("PT", ZoneInfo("Europe/Lisbon")).is_business_day(date(2026, 9, 7))
    assert not Calendar("BR-São Paulo Capital", SAO_PAULO).is_business_day(date(2027, 1, 25))


def test_days_off_of_a_date_or_of_every_year_are_holidays() -> None:
    calendar = Calendar("BR", SAO_PAULO, ["2026-12-24", "03-19", "02-29"])
    closed = [date(2026, 12, 24), date(2026, 3, 19), date(2030, 3, 19), date(2028, 2, 29)]
    assert all(calendar.is_holiday(day) for day in closed)
    assert not any(map(calendar.is_holiday, [date(2027, 12, 24), date(2026, 12, 23), date(2027, 3, 1)]))


@pytest.mark.parametrize(
    ("moment", "days", "due"),
    [
        ("2026-02-13T18:30:00-03:00", 1, "2026-02-18T18:30:00-03:00"),
        ("2026-02-13T18:30:00-03:00", 3, "2026-02-20T18:30:00-03:00"),
        ("2026-02-14T10:00:00-03:00", 1, "2026-02-19T00:00:00-03:00"),
        ("2026-09-18T23:30:00-03:00", 1, "2026-09-21T23:30:00-03:00"),  # a Saturday already in UTC
        ("2026-09-21T09:00:00-03:00", 0, "2026-09-21T09:00:00-03:00"),
        ("2026-09-20T09:00:00-03:00", 0, "2026-09-21T00:00:00-03:00"),
    ],
)
def test_business_days_are_added_in_the_companys_zone(moment: str, days: int, due: str) -> None:
    found = SP.add_business_days(datetime.fromisoformat(moment), days)
    assert found == datetime.fromisoformat(due)
    assert found.tzinfo is UTC


CARNIVAL = [  # assigned, in São Paulo; accepted in 30 business minutes until, there and in Manaus by the clock of each
    ("2026-02-13T10:00", "2026-02-13T10:30", "2026-02-13T09:30"),  # 9:00 in Manaus: the shift begins
    ("2026-02-13T09:50", "2026-02-13T10:20", "2026-02-13T09:30"),
    ("2026-02-13T17:30", "2026-02-13T18:00", "2026-02-13T17:00"),  # until the end of a shift, still within it
    ("2026-02-13T17:31", "2026-02-14T09:01", "2026-02-13T17:01"),
    ("2026-02-13T18:45", "2026-02-14T09:30", "2026-02-14T09:15"),
    ("2026-02-14T12:50", "2026-02-18T09:20", "2026-02-14T12:20"),
    ("2026-02-14T13:50", "2026-02-18T09:30", "2026-02-18T09:20"),
    ("2026-02-15T15:00", "2026-02-18T09:30", "2026-02-18T09:30"),
    ("2026-02-16T10:00", "2026-02-18T09:30", "2026-02-18T09:30"),
    ("2026-02-17T11:00", "2026-02-18T09:30", "2026-02-18T09:30"),  # Carnival Tuesday
    ("2026-02-18T00:00", "2026-02-18T09:30", "2026-02-18T09:30"),
    ("2026-02-18T23:59", "2026-02-19T09:30", "2026-02-19T09:30"),
]


@pytest.mark.parametrize(("assigned", "in_sao_paulo", "in_manaus"), CARNIVAL)
def test_the_week_of_carnival(assigned: str, in_sao_paulo: str, in_manaus: str) -> None:
    wait = Duration.parse("30 business minutes")
    assert working(SP, *OFFICE).add(at(assigned), wait) == at(in_sao_paulo)
    assert working(AM, *OFFICE).add(at(assigned), wait) == at(in_manaus, MANAUS)


@pytest.mark.parametrize(
    ("moment", "reason", "until"),
    [
        ("2026-02-13T08:59", "off_shift", "2026-02-13T09:00"),
        ("2026-02-13T09:00", None, "2026-02-13T12:00"),
        ("2026-02-13T12:00", "off_shift", "2026-02-13T20:00"),
        ("2026-02-13T23:59", None, "2026-02-14T02:00"),  # over midnight
        ("2026-02-14T02:00", "off_shift", "2026-02-14T22:00"),
        ("2026-02-14T23:00", None, "2026-02-15T00:00"),  # until 24:00
        ("2026-02-15T00:00", "off_shift", "2026-02-16T00:00"),
        ("2026-02-16T09:30", "holiday", "2026-02-16T10:00"),
        ("2026-02-17T10:00", None, "2026-02-17T11:00"),  # Carnival Tuesday, in the hours of holidays
        ("2026-02-17T11:00", "holiday", "2026-02-18T00:00"),
        ("2026-02-18T00:00", "off_shift", "2026-02-18T09:00"),
        ("2026-02-18T12:00", "off_shift", "2026-02-19T00:00"),
        ("2026-02-19T09:00", "absent", "2026-02-21T00:00"),  # the shift that began on an absent Friday goes on
        ("2026-02-21T00:00", None, "2026-02-21T02:00"),
    ],
)
def test_edges(moment: str, reason: str | None, until: str) -> None:
    shifts = ["mon-fri 09:00-12:00", "fri 20:00-02:00", "sat 22:00-24:00", "holidays 10:00-11:00"]
    time = working(SP, *shifts, absent=[("2026-02-19", "2026-02-20")])
    assert time.state(at(moment)) == (reason, at(until))


def test_a_date_of_its_own_takes_the_place_of_the_week() -> None:
    time = working(SP, *OFFICE, "2026-12-24,2026-12-25 08:00-11:00")
    assert time.state(at("2026-12-24T08:00")) == (None, at("2026-12-24T11:00"))
    assert time.next_start(at("2026-12-24T11:00")) == at("2026-12-25T08:00")
    assert time.add(at("2026-12-24T10:00"), Duration.parse("5 business hours")) == at("2026-12-26T10:00")


def test_what_is_said_holds_for_what_was_asked_in_between_and_costs_a_comparison() -> None:
    time = working(SP, *OFFICE)
    monday = time.at(at("2026-03-02T09:00"))
    assert time.at(at("2026-03-02T17:59")) is monday
    assert time.at(at("2026-03-02T18:00")) is not monday
    assert time.at(at("2026-03-02T09:00")) == monday


def test_nobody_is_waited_for_without_end() -> None:
    always = working(SP, "mon-sun,holidays 00:00-24:00")
    away = working(SP, *OFFICE, absent=[("2026-03-03", "2026-09-30")])
    begin = at("2026-03-02T17:50")
    reason, until = always.state(begin)
    assert reason is None
    assert LOOK_AHEAD <= until - begin <= LOOK_AHEAD + timedelta(days=1)
    assert away.state(at("2026-03-03T00:00"))[0] == "absent"
    assert away.next_start(at("2026-03-03T00:00")) is None
    assert away.next_start(at("2026-09-30T23:00")) == at("2026-10-01T09:00")
    assert away.add(begin, Duration.parse("15 business minutes")) == at("2026-03-02T18:00") + LOOK_AHEAD


@pytest.mark.parametrize(
    ("wait", "due"),
    [
        ("90 minutes", "2026-02-13T19:00"),
        ("0 business minutes", "2026-02-13T17:30"),
        ("1 business day", "2026-02-18T17:30"),
        ("10 business hours", "2026-02-18T14:30"),
    ],
)
def test_each_kind_of_wait(wait: str, due: str) -> None:
    assert working(SP, *OFFICE).add(at("2026-02-13T17:30"), Duration.parse(wait)) == at(due)


@pytest.mark.parametrize(
    ("wait", "moment", "begin"),
    [
        ("90 minutes", "2026-02-13T19:00", "2026-02-13T17:30"),
        ("0 business minutes", "2026-02-18T07:00", "2026-02-14T13:00"),  # Ash Wednesday: to the end of Saturday's shift
        ("30 business minutes", "2026-02-18T09:10", "2026-02-14T12:40"),
        ("5 business hours", "2026-02-17T11:00", "2026-02-13T17:00"),
        ("1 business day", "2026-02-18T15:00", "2026-02-13T15:00"),
        ("3 business days", "2026-02-15T10:00", "2026-02-11T10:00"),  # Sunday
    ],
)
def test_time_is_counted_back(wait: str, moment: str, begin: str) -> None:
    assert working(SP, *OFFICE).subtract(at(moment), Duration.parse(wait)) == at(begin)


def test_time_is_counted_back_by_the_clock_of_manaus_and_not_without_end() -> None:
    wait = Duration.parse("30 business minutes")
    assert working(AM, *OFFICE).subtract(at("2026-02-18T10:10"), wait) == at("2026-02-14T12:40", MANAUS)
    away = working(SP, *OFFICE, absent=[("2026-03-03", "2026-09-30")])
    assert away.subtract(at("2026-10-01T09:10"), wait) == at("2026-10-01T09:00") - LOOK_AHEAD


@given(slot=st.integers(0, 28 * 24 * 60), minutes=st.integers(1, 3000))
def test_what_is_counted_back_is_over_at_the_end_of_what_is_worked(slot: int, minutes: int) -> None:
    time, wait = working(SP, *OFFICE, "fri 20:00-02:00"), Duration.parse(f"{minutes} business minutes")
    end = at("2026-02-01T00:00") + timedelta(minutes=slot)
    assert time.add(time.subtract(end, wait), wait) == time.last_end(end)


def test_a_clock_that_is_put_forward_or_back_changes_what_a_night_has() -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    night = working(Calendar("PT", lisbon), "sat 22:00-06:00")
    for day, hours in (("2026-03-28", 7), ("2026-10-24", 9), ("2026-11-07", 8)):
        begin = at(f"{day}T22:00", lisbon)
        assert night.state(begin) == (None, begin + timedelta(hours=hours))
    old = working(SP, "sat 20:00-02:00", "sun 00:00-01:00")  # of the midnight of this Sunday there was none
    assert old.state(at("2018-11-03T20:00")) == (None, at("2018-11-03T20:00") + timedelta(hours=5))
    assert old.state(at("2018-11-04T02:00"))[0] == "off_shift"


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "America/Manaus", "America/Rio_Branco", "America/Noronha"])
def test_brazil_has_no_summer_time(zone: str) -> None:
    time = working(Calendar("BR", ZoneInfo(zone)), *OFFICE)
    moment = at("2026-01-05T17:00", ZoneInfo(zone))
    for _ in range(60):
        moment = time.add(moment, Duration.parse("49 business hours"))
        assert moment.astimezone(ZoneInfo(zone)).dst() == timedelta()


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holidays", "2026-02-12")
_SLOTS = 14 * 96
_BEGIN = datetime(2026, 2, 9, tzinfo=SAO_PAULO)
_HOURS = st.tuples(st.integers(0, 95), st.integers(1, 96)).filter(lambda hours: hours[0] != hours[1])


@st.composite
def _shifts(draw: st.DrawFn) -> str:
    days = draw(st.lists(st.sampled_from(_DAYS), min_size=1))
    start, end = (f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in draw(_HOURS))
    return f"{','.join(days)} {start}-{end}"


def _worked(texts: Sequence[str], absent: date) -> list[bool]:
    """Quarter by quarter of two weeks, whether somebody works."""
    shifts = list(map(Shift.parse, texts))

    def starts(shift: Shift, day: date) -> bool:
        if any(day in one.dates for one in shifts):
            return day in shift.dates
        return shift.holidays if day in (date(2026, 2, 16), date(2026, 2, 17)) else day.weekday() in shift.weekdays

    def works(slot: int) -> bool:
        day, minute = _BEGIN.date() + timedelta(days=slot // 96), slot % 96 * 15
        yesterday = day - timedelta(days=1)
        return day != absent and any(
            (starts(shift, day) and shift.start <= minute < shift.end)
            or (starts(shift, yesterday) and shift.start <= minute + 1440 < shift.end)
            for shift in shifts
        )

    return list(map(works, range(_SLOTS)))


@settings(deadline=None)
@given(
    st.lists(_shifts(), min_size=1, max_size=3),
    st.sampled_from([date(2026, 2, 11), date(2026, 2, 17), date(2026, 2, 20)]),
    st.lists(st.integers(0, 7 * 96 * 15 - 1), min_size=1, max_size=8),
    st.integers(0, 600),
)
def test_as_counted_quarter_by_quarter(texts: list[str], absent: date, minutes: list[int], wait: int) -> None:
    time = working(SP, *texts, absent=[(f"{absent}", f"{absent}")])
    worked = _worked(texts, absent)

    def moment(slot: int) -> datetime:
        return (_BEGIN + slot * QUARTER).astimezone(UTC)

    for minute in minutes:
        now, slot = moment(0) + timedelta(minutes=minute), minute // 15
        reason, until = time.state(now)
        assert (reason is None) == worked[slot]
        changed = next((later for later in range(slot, _SLOTS) if worked[later] != worked[slot]), _SLOTS)
        assert until <= moment(changed) or changed == _SLOTS
        assert worked[slot] is False or changed == _SLOTS or until == moment(changed)
        start = next((later for later in range(slot, _SLOTS) if worked[later]), None)
        if start is not None:
            assert time.next_start(now) == max(now, moment(start))
        due = time.add(now, Duration("business_time", timedelta(minutes=wait)))
        if due <= moment(_SLOTS):
            inside = (min(due, moment(one + 1)) - max(now, moment(one)) for one in range(slot, _SLOTS) if worked[one])
            assert sum((max(span, timedelta()) for span in inside), timedelta()) == timedelta(minutes=wait)
            last = int((due - timedelta(microseconds=wait > 0) - moment(0)) / QUARTER)
            assert worked[last]

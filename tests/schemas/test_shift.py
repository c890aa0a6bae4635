"""Shifts as the configuration writes them."""

from __future__ import annotations

from datetime import date

import pytest

from schemas.shift import Shift, of_day

WEEK = range(7)


@pytest.mark.parametrize(
    ("text", "weekdays", "holidays", "dates", "hours"),
    [
        ("mon-fri 09:00-18:00", {0, 1, 2, 3, 4}, False, [], (540, 1080)),
        (" Sat, SUN  9:00 - 24:00 ", {5, 6}, False, [], (540, 1440)),
        ("mon-sun,holidays 00:00-24:00", set(WEEK), True, [], (0, 1440)),
        ("fri,sat 20:00-02:00", {4, 5}, False, [], (1200, 1560)),
        ("sun 22:00-00:00", {6}, False, [], (1320, 1440)),
        ("sat-mon,wed 08:30-12:00", {5, 6, 0, 2}, False, [], (510, 720)),
        ("2026-12-05,holidays 10:00-19:00", set(), True, [date(2026, 12, 5)], (600, 1140)),
    ],
)
def test_read(text: str, weekdays: set[int], holidays: bool, dates: list[date], hours: tuple[int, int]) -> None:
    assert Shift.parse(text) == Shift(frozenset(weekdays), holidays, frozenset(dates), *hours)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("09:00-18:00", "write days and hours, for example `mon-fri 09:00-18:00`"),
        ("mon-fri 9-18", "write days and hours"),
        ("mon-fri", "write days and hours"),
        ("seg-sex 09:00-18:00", "`seg-sex` is no day: write `mon`, `tue`"),
        ("mon-sex 09:00-18:00", "`mon-sex` is no day"),
        ("mon,, tue 09:00-18:00", "`` is no day"),
        ("holidays-sun 09:00-18:00", "`holidays-sun` is no day"),
        ("05/12/2026 09:00-18:00", "or a date, as `2026-12-05`"),
        ("2026-02-30 09:00-18:00", "`2026-02-30` is no date of the calendar"),
        ("0001-01-01 09:00-18:00", "is no day"),
        ("mon 09:60-18:00", "`09:60` is no time of a day"),
        ("mon 09:00-24:01", "`24:01` is no time of a day"),
        ("mon 24:00-02:00", "has no length"),
        ("mon 09:00-09:00", "has no length"),
    ],
)
def test_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Shift.parse(text)


def test_a_date_takes_the_place_of_the_week_and_weekdays_do_not_count_on_holidays() -> None:
    week, on_holidays, eve = shifts = [
        Shift.parse(text)
        for text in ("mon-sun 09:00-18:00", "holidays,sat 10:00-14:00", "2026-12-24,2026-12-25 08:00-11:00")
    ]
    assert of_day(shifts, date(2026, 12, 23), holiday=False) == [week]
    assert of_day(shifts, date(2026, 12, 26), holiday=False) == [week, on_holidays]
    assert of_day(shifts, date(2026, 12, 23), holiday=True) == [on_holidays]
    assert of_day(shifts, date(2026, 12, 25), holiday=True) == [eve]

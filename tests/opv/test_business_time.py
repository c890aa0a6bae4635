"""Business days: weekends, holidays of the state, Carnival, and the company's own zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from opv.business_time import Calendar

SP = Calendar("BR-SP", ZoneInfo("America/Sao_Paulo"))


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

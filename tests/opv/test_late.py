"""Late leads: marked, and their clocks count from when the person wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from opv.late import clock_start, is_late
from tests.pipeline import HOUSE, NOW, Start, details, lead

QUIET = HOUSE + "automations: [{key: quiet, on: {in_stage: new, for: 3 days}, do: [{comment: Parado}]}]\n"
ZONE = ZoneInfo("America/Sao_Paulo")


@pytest.mark.parametrize(
    ("before", "late", "counts"),
    [
        (timedelta(minutes=59), False, True),
        (timedelta(hours=1, seconds=1), True, True),
        (timedelta(days=14), True, True),
        (timedelta(days=91), True, False),
        (timedelta(minutes=-5), False, False),
    ],
)
def test_an_hour_is_on_time_and_three_months_are_no_time_at_all(before: timedelta, late: bool, counts: bool) -> None:
    assert is_late(NOW - before, NOW, ZONE) is late
    assert clock_start(NOW - before, NOW) == (NOW - before if counts else NOW)
    assert not is_late(None, NOW, ZONE)
    assert clock_start(None, NOW) == NOW
    assert not is_late(datetime(2026, 9, 20, 3, 0, tzinfo=UTC), NOW, ZONE), "the day alone"


def test_a_late_lead_is_marked_and_its_clocks_started_earlier(start: Start) -> None:
    house = start(QUIET)
    sent = [
        ("site", lead(n, created_at=(NOW - timedelta(days=ago)).isoformat())) for n, ago in enumerate((0, 2, 4, 100))
    ]
    house.deliver_all(sent)
    house.run("ingest", "distribution")
    opvs = house.opvs()
    flags = [details(house.captures(opv.id)[0])["flags"] for opv in opvs]
    assert ["late" in one for one in flags] == [False, True, True, True]
    captured = [dict(house.history(opv.id))["opv.captured"] for opv in opvs]
    assert [one.get("late") for one in captured] == [None, True, True, True]
    due = {row.opportunity_id: row.due_at - NOW for row in house.rows("timers", "opportunity_id", "due_at")}
    assert [due[opv.id].days for opv in opvs] == [3, 1, -1, 3]
    house.run()
    assert [house.kinds(opv.id).count("comment.added") for opv in opvs] == [0, 0, 1, 0]


def test_an_imported_lead_is_not_late(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(QUIET)
    line = {"id": "1", "lead": {"name": "Ana Exemplo", "emails": ["a@example.com"],
                                "submitted_at": (NOW - timedelta(days=30)).isoformat()}}  # fmt: skip
    house.deliver("site", line, headers=b"x-porteiro-import: 1\r\n")
    house.run()
    (card,) = house.captures()
    assert "late" not in details(card)["flags"]
    assert house.runs() == []

"""How far OPVs got, and how long they stayed."""

from __future__ import annotations

from opv.actions import move_stage, reopen, withdraw
from opv.reports import funnel
from opv.undo import undo_move
from schemas.reports import FunnelFilters
from tests.opv.reports.known import do, known_house, seen_by, wait_until
from tests.pipeline import Pipeline, Start, counted


def asked(house: Pipeline, person: str | None = None, **filters: object) -> list[tuple[object, ...]]:
    with house.database.read() as tx:
        found = funnel(tx, house.house(), seen_by(house, person), FunnelFilters.model_validate(filters))
    return [(f.key, f.reached, f.share, f.of_all, f.open, f.lost, f.median_days) for f in found]


def test_stages_reached_and_days_there(start: Start) -> None:
    house = known_house(start)
    assert asked(house) == [
        ("new", 4, None, 1.0, 0, 2, 0.82),  # days 2, 14.5 h, 15.5 h, 1
        ("contacted", 2, 0.5, 0.5, 0, 0, 1.0),  # 4 was never there, and got past it
        ("visit", 2, 1.0, 0.5, 0, 1, 8.5),  # 4 and 13
        ("won", 1, 0.5, 0.25, 0, 0, None),
    ]
    assert [line[1] for line in asked(house, "paula")] == [3, 2, 2, 1]
    assert [line[1] for line in asked(house, "bia")] == [1, 0, 0, 0]
    assert asked(house, since="2026-09-22")[0] == ("new", 0, None, None, 0, 0, None)


def test_a_move_that_was_taken_back_counts_for_nothing(start: Start) -> None:
    house = known_house(start)
    wait_until(house, days=20)
    do(house, 4, reopen)
    before = asked(house)
    do(house, 4, lambda at: move_stage(at, "contacted"))
    assert asked(house) != before
    do(house, 4, undo_move)
    assert asked(house) == before


def test_a_reopened_opv_stays_once_more(start: Start) -> None:
    house = known_house(start)
    wait_until(house, days=20)
    do(house, 4, reopen)
    assert asked(house, "ana")[2] == ("visit", 2, 1.0, 1.0, 1, 0, 8.5)
    wait_until(house, days=25)
    do(house, 4, lambda at: withdraw(at, "price"))
    assert asked(house, "ana")[2] == ("visit", 2, 1.0, 1.0, 0, 1, 5.0)  # 4, 13 and 5


def test_one_statement_however_many(start_on_sqlite: Start) -> None:
    house = known_house(start_on_sqlite)
    with counted(house.database) as statements:
        asked(house)
    assert len([one for one in statements if "history_entries" in one]) == 1

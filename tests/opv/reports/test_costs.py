"""What leads cost, day by day."""

from __future__ import annotations

from opv.reports import costs
from schemas.reports import CostFilters
from tests.opv.reports.known import known_house, seen_by
from tests.pipeline import Pipeline, Start


def asked(house: Pipeline, **filters: object) -> list[tuple[object, ...]]:
    with house.database.read() as tx:
        found = costs(tx, house.house(), seen_by(house), CostFilters.model_validate(filters), house.clock())
    return [tuple(one.model_dump().values()) for one in found]


def test_costs_fall_evenly_on_their_days(start: Start) -> None:
    house = known_house(start)
    assert asked(house, since="2026-09-21", until="2026-09-24") == [
        ("summer", "Campanha de verão", 300.0, 3, 2, 1, 100.0, 150.0, 300.0),
        ("brand", "Marca", 100.0, 1, 1, 0, 100.0, 100.0, None),
    ]
    assert asked(house, since="2026-09-23", until="2026-09-24") == [
        ("summer", "Campanha de verão", 100.0, 0, 0, 0, None, None, None),
        ("brand", "Marca", 33.33, 0, 0, 0, None, None, None),
    ]


def test_days_to_come_cost_nothing_yet(start: Start) -> None:
    house = known_house(start)
    assert asked(house) == [
        ("summer", "Campanha de verão", 3500.0, 3, 2, 1, 1166.67, 1750.0, 3500.0),  # 5 of 10 days of October
        ("brand", "Marca", 100.0, 1, 1, 0, 100.0, 100.0, None),
        ("idle", "Sem leads", 77.77, 0, 0, 0, None, None, None),
    ]
    assert asked(house, until="2027-01-01") == asked(house)
    assert asked(house, by="medium") == []

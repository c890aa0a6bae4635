"""Leads by where they came from, those too that came before a campaign had its key."""

from __future__ import annotations

from opv.reports import origins
from schemas.reports import CrossItem, LeadItem, OriginFilters, OriginItem
from tests.opv.reports.known import known_house, seen_by
from tests.pipeline import Pipeline, Start, lead


def asked(house: Pipeline, person: str | None = None, **filters: object) -> list[tuple[object, ...]]:
    with house.database.read() as tx:
        found = origins(tx, house.house(), seen_by(house, person), OriginFilters.model_validate(filters))
    return [_line(one) for one in found]


def _line(one: OriginItem | LeadItem | CrossItem) -> tuple[object, ...]:
    if isinstance(one, OriginItem):
        return (one.source, one.campaign, one.campaign_name, one.leads, one.opvs)
    if isinstance(one, LeadItem):
        return (one.key, one.name, one.leads, one.opvs)
    return (one.key, one.count, [(cell.key, cell.count) for cell in one.across])


def test_a_campaign_counts_by_its_key_whenever_it_got_one(start: Start) -> None:
    house = known_house(start)
    assert {row.campaign for row in house.captures()} == {"Verão", "verao 2026", "Google Marca", "summer", None}
    assert asked(house) == [
        ("form", "summer", "Campanha de verão", 3, 2), ("form", None, None, 1, 1), ("form", "brand", "Marca", 1, 1),
    ]  # fmt: skip
    assert asked(house, by="campaign") == [
        ("summer", "Campanha de verão", 3, 2), (None, "(sem valor)", 1, 1), ("brand", "Marca", 1, 1),
    ]  # fmt: skip
    assert asked(house, by="channel") == [("site", "site", 3, 3), ("blog", "blog", 2, 1)]
    assert asked(house, by="origin") == [(None, "(sem valor)", 5, 4)]
    assert asked(house, by="campaign", across="day") == [
        ("summer", 3, [("2026-09-21", 2), ("2026-09-22", 1)]),
        (None, 1, [("2026-09-21", 1), ("2026-09-22", 0)]),
        ("brand", 1, [("2026-09-21", 1), ("2026-09-22", 0)]),
    ]
    assert asked(house, "bia", by="campaign") == [("summer", "Campanha de verão", 1, 1)]
    assert asked(house, by="campaign", since="2026-09-22") == [("summer", "Campanha de verão", 1, 0)]


def test_who_comes_back_to_a_closed_opv_opens_one(start: Start) -> None:
    house = known_house(start)
    house.deliver("blog", lead(2, id="back"))
    house.run()
    assert asked(house, by="channel") == [("blog", "blog", 3, 2), ("site", "site", 3, 3)]

"""Retention: raw requests are blanked when their time is over, and what came of them stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from opv import retention
from opv.retention import due
from schemas.config import Retention
from schemas.errors import Reject
from tests.opv.channels.meta_graph import Page, tell
from tests.pipeline import HOUSE, Pipeline, Start, counted, lead

KEPT = HOUSE + "retention: {captured: 30 days, repeated: 30 days, ignored: 2 days}\n"
TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
"""Ids of deliveries hold the time at which they were made: here the clock begins with the machine's."""


def started(start: Start, configuration: str = KEPT, page: Page | None = None) -> Pipeline:
    house = start(configuration, now=TODAY, http=page or Page())
    house.run("upkeep")
    return house


def later(house: Pipeline, **span: float) -> None:
    """The chore comes due, and its house is looked after."""
    house.clock.forward(**span)
    house.run("upkeep")


def blank(house: Pipeline) -> set[UUID]:
    """Deliveries whose request is gone."""
    rows = house.rows("deliveries")
    assert all((row.body == b"" and row.url == b"" and row.headers == b"") == bool(row.erased_at) for row in rows)
    return {row.id for row in rows if row.erased_at}


def test_requests_go_by_outcome_and_what_came_of_them_stays(start: Start) -> None:
    page = Page()
    house = started(start, page=page)
    captured, repeated = house.deliver("site", lead(1)), house.deliver("site", lead(1))
    junk = house.deliver("site", lead(2, nome="http://spam.example.com/"))
    parked = house.deliver("site", {"nome": "Sem Contato"})
    tell(house, page.submit(7, house.clock()))
    house.run()
    (fetched,) = house.rows("submissions", external_id="7")
    assert fetched.fetched
    before = {row.id: (row.outcome, row.reason, row.key, row.external_id) for row in house.rows("submissions")}
    later(house, days=1)
    assert blank(house) == set()
    later(house, days=2)
    assert blank(house) == {junk}
    with house.database.read() as tx:
        wanted = Retention(captured="30 days", repeated="30 days", ignored="2 days")
        figures = {one.outcome: one.due for one in due(tx, wanted, house.clock() + timedelta(days=60))}
    assert figures == {"captured": 2, "repeated": 1, "ignored": 0, "test": 0, "parked": 0}
    later(house, days=30)
    assert blank(house) == {junk, captured, repeated, fetched.delivery_id}
    assert {row.id: (row.outcome, row.reason, row.key, row.external_id) for row in house.rows("submissions")} == before
    (row,) = house.rows("submissions", id=fetched.id)
    assert (row.pointer, row.fetched) == (None, None)
    assert json.loads(house.captures()[0].details)["raw"]
    assert house.rows("deliveries", id=parked)[0].body
    with pytest.raises(Reject) as told:
        house.replay(captured)
    assert told.value.reason == "erased"
    again = house.deliver("site", lead(1))
    house.run()
    assert house.outcomes(again) == ["repeated"]


def test_a_long_walk_is_gone_on_with_and_looks_at_nothing_twice(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    house = started(start)
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    monkeypatch.setattr(house.step("upkeep"), "budget", 0.0)
    house.deliver_all([("site", lead(number)) for number in range(1, 9)])
    house.run()
    house.clock.forward(days=31)
    done = []
    for _ in range(40):
        house.round("upkeep")
        done.append(len(blank(house)))
    assert sorted({*done}) == [0, 3, 6, 8]
    (chore,) = house.rows("chores", key="retention")
    assert chore.reason is None
    places = json.loads(chore.state)["places"]
    assert all(UUID(places[name]) > max(blank(house)) for name in ("captured", "repeated", "ignored"))
    with counted(house.database) as statements:
        later(house, days=1, hours=2)
    assert not [one for one in statements if one.lstrip().upper().startswith("UPDATE DELIVERIES")]


def test_what_was_passed_over_and_captured_later_is_found_when_the_walk_begins_anew(start: Start) -> None:
    house = started(start)
    delivery = house.deliver("site", {"nome": "Sem Contato"})
    house.run()
    later(house, days=31)
    house.set("deliveries", {"outcome": 2}, id=delivery)  # somebody mended the mapping and read it anew
    later(house, days=2)
    assert blank(house) == set()
    later(house, days=6)
    assert blank(house) == {delivery}


def test_other_times_begin_anew_and_none_end_it(start: Start) -> None:
    house = started(start)
    delivery = house.deliver("site", lead(1))
    house.run()
    later(house, days=3)
    assert blank(house) == set()
    house.apply(HOUSE)
    later(house, days=60)
    later(house, minutes=5)
    assert blank(house) == set()
    assert house.rows("chores", key="retention")[0].due_at is None
    house.apply(HOUSE + "retention: {captured: 1 day}\n")
    later(house, minutes=5)
    later(house, minutes=5)
    assert blank(house) == {delivery}

"""OPVs without a broker: listed with all that is known, told of when they are old, given out many at once."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.queries import undistributed as lists
from opv.channels.alarms import open_alarms
from opv.channels.health import keep_alarms
from opv.conversion import undistributed
from schemas.errors import Reject
from schemas.operations import UndistributedFilters, UndistributedPage
from schemas.undistributed import BulkAssignmentBody, BulkAssignmentItem
from tests.opv.conversion import PRESALES_HOUSE, inactive, served, viewer
from tests.pipeline import NOW, Pipeline, Start, counted, lead

RULE = "distribution: {rules: [{key: any, queue: {teams: [sul]}}]}"
HOUSE = PRESALES_HOUSE.replace(
    RULE,
    """queues: [{key: sul-q, teams: [sul], logged_in: true}, {key: norte-q, brokers: [caio]},
  {key: pool, strategy: manual, teams: [norte]}]
distribution: {rules: [{key: by-hand, when: {city: Santos}, queue: pool}, {key: any, queue: sul-q}]}
""",
)
"""Nobody of sul-q is there."""


def given(house: Pipeline, by: str, **body: Any) -> BulkAssignmentItem:
    told = BulkAssignmentBody.model_validate({"reason": "mutirão", **body})
    in_force = house.house()
    with house.database.read() as tx:
        chosen = undistributed.choose(tx, in_force, viewer(in_force, by), told)
    units = []
    for ids in chosen.units():
        with house.database.write() as tx:
            units.append(undistributed.give_some(tx, in_force, viewer(in_force, by), house.clock(), told, ids))
    return undistributed.told(chosen, units)


def page(house: Pipeline, **filters: Any) -> UndistributedPage:
    with house.database.read() as tx:
        return lists.page(tx, UndistributedFilters(**filters), house.clock())


def waiting(start: Start, *numbers: int, **fields: Any) -> Pipeline:
    house = start(HOUSE)
    house.deliver_all([("site", lead(n, **fields)) for n in numbers])
    house.run()
    return house


def test_the_list_tells_all_that_is_known_and_counts(start: Start) -> None:
    house = waiting(start, 1, 2)
    house.deliver("site", lead(3, cidade="Santos", empreendimento="Mirante do Parque"))
    house.run()
    house.clock.forward(minutes=7)
    found = page(house)
    assert (found.counts.by_reason, found.counts.by_queue, found.counts.total, found.counts.oldest) == (
        {"all_left_out": 2, "pool": 1}, {"sul-q": 2, "pool": 1}, 3, NOW,
    )  # fmt: skip
    pool, first = found.items[0], found.items[-1]
    assert (pool.state, pool.queue, pool.rule, pool.next_try) == ("pool", "pool", "by-hand", None)
    assert (first.state, first.queue, first.rule, first.age, first.asked_for) == (
        "waiting", "sul-q", "any", 420, False,
    )  # fmt: skip
    assert first.next_try is not None
    for filters, count in (
        ({"reason": "pool"}, 1), ({"state": "waiting"}, 2), ({"queue": "sul-q"}, 2), ({"queue": "sul"}, 0),
        ({"development": "mirante"}, 1), ({"reason": "waiting"}, 0),
    ):  # fmt: skip
        narrowed = page(house, **filters)
        assert (len(narrowed.items), narrowed.counts.total) == (count, count), filters


def test_an_alarm_is_raised_when_they_grow_old_and_cleared_by_itself(start: Start) -> None:
    house = waiting(start, 1, 2)

    def kept() -> tuple[list[tuple[str, int]], bool]:
        with house.database.write() as tx:
            _, told = keep_alarms(tx, house.house(), house.clock(), {})
            return list(open_alarms(tx)), told

    house.clock.forward(minutes=29)
    assert kept() == ([], False)
    house.clock.forward(minutes=1)
    assert kept() == ([("undistributed", 0)], True)
    (alarm,) = house.rows("alarms")
    assert alarm.detail == "2 OPVs have had no broker for more than 30 minutes (all_left_out 2)"
    assert {row.recipient for row in house.rows("outbound_messages")} == {"rui", "olga"}
    given(house, "rui", filter={}, to={"broker": "caio"})
    assert kept() == ([], False)
    house.apply(HOUSE + "alarms: {undistributed_after: null}\n")
    house.deliver("site", lead(3))
    house.run()
    house.clock.forward(days=1)
    assert kept() == ([], False)


def test_given_to_a_broker_once_and_each_refusal_told(start: Start) -> None:
    house = waiting(start, 1, 2)
    other = served(house, broker="caio", number=3)
    house.execute("DELETE FROM distribution_work WHERE opportunity_id NOT IN "
                  "(SELECT id FROM opportunities WHERE broker IS NULL)")  # fmt: skip
    closed, opv, _ = (row.id for row in house.opvs())
    house.set("opportunities", {"status": "lost"}, id=closed)
    nobody = str(uuid4())
    asked = {"opvs": [1, str(opv), 3, nobody, 99, "x"], "to": {"broker": "bia"}}
    item = given(house, "rui", **asked)
    assert (item.given, item.already, item.next) == (1, 0, None)
    assert [(one.opv, one.number, one.reason) for one in item.refused] == [
        (nobody, None, "unknown_opv"), ("99", None, "unknown_opv"), ("x", None, "unknown_opv"),
        (str(closed), 1, "opv_closed"), (str(other), 3, "not_undistributed"),
    ]  # fmt: skip
    assert [row.broker for row in house.opvs()] == [None, "bia", "caio"]
    assert house.history(opv)[-1][1]["rule"] == "transfer"
    again = given(house, "rui", **asked)
    assert (again.given, again.already, len(again.refused)) == (0, 1, 5)


def test_given_through_a_queue_by_its_turns_alone_until_somebody_is_there(start: Start) -> None:
    house = waiting(start, 1, 2, 3)
    item = given(house, "rui", filter={"reason": "all_left_out"}, queue="norte-q")
    assert (item.given, item.already) == (3, 0)
    assert given(house, "rui", filter={}, queue="norte-q").already == 3
    house.run()
    assert [row.broker for row in house.opvs()] == ["caio"] * 3
    (turns,) = house.rows("queue_members", queue="norte-q")
    assert turns.served == 3
    assert house.kinds(house.opvs()[0].id)[-2:] == ["redistribution.asked", "opv.assigned"]
    assert house.decisions(house.opvs()[0].id)[-1].rule == "norte-q"

    house.apply(inactive("caio", HOUSE))
    house.deliver("site", lead(4))
    house.run()
    given(house, "rui", filter={}, queue="norte-q")
    house.run()
    (row,) = house.rows("distribution_work")
    assert (row.reason, row.rule, row.queue) == ("all_left_out", "=norte-q", "norte-q")
    (shown,) = page(house).items
    assert (shown.rule, shown.asked_for) == ("norte-q", True)
    house.apply(HOUSE)
    house.steps._next_retry = 0.0
    house.run()
    house.run()
    assert house.opvs()[-1].broker == "caio", "the queue that was asked for, though a rule leads elsewhere"


def test_a_queue_that_is_gone_leaves_the_opv_to_the_rules(start_on_sqlite: Start) -> None:
    house = waiting(start_on_sqlite, 1)
    given(house, "rui", filter={}, queue="norte-q")
    house.apply(HOUSE.replace(", {key: norte-q, brokers: [caio]}", ""))
    house.run()
    (row,) = house.rows("distribution_work")
    assert (row.rule, row.reason, row.queue) == ("any", "all_left_out", "sul-q")


def test_each_is_given_once_though_two_give_at_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    house = waiting(start, *range(1, 13))
    monkeypatch.setattr(undistributed, "CHUNK", 3)
    house.house()
    barrier = threading.Barrier(2)
    items: dict[str, BulkAssignmentItem] = {}

    def give(broker: str) -> None:
        barrier.wait()
        items[broker] = given(house, "rui", opvs=list(range(1, 13)), to={"broker": broker})

    threads = [threading.Thread(target=give, args=(broker,)) for broker in ("ana", "caio")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served_by = Counter(row.broker for row in house.opvs())
    assert served_by == {broker: item.given for broker, item in items.items() if item.given}
    assert sum(item.given for item in items.values()) == 12
    assert {one.reason for item in items.values() for one in item.refused} <= {"not_undistributed"}


def test_managers_give_what_is_theirs(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE)
    theirs, others = served(house), served(house, broker="caio", number=2)
    house.set("distribution_work", {"reason": "all_left_out"})
    assert given(house, "paula", filter={}, to={"broker": "bia"}).given == 1
    assert {row.id: row.broker for row in house.opvs()} == {theirs: "bia", others: "caio"}
    house.set("opportunities", {"manager": "paula"}, id=others)
    (refused,) = given(house, "paula", opvs=[str(others)], to={"broker": "caio"}).refused
    assert refused.reason == "not_allowed"
    for by, body, reason in (
        ("ana", {"to": {"broker": "ana"}}, "not_allowed"),
        ("olga", {"queue": "norte-q"}, "not_allowed"),
        ("rui", {"queue": "nowhere"}, "unknown_queue"),
        ("rui", {"to": {"broker": "nobody"}}, "unknown_broker"),
    ):
        with pytest.raises(Reject) as no:
            given(house, by, filter={}, **body)
        assert no.value.reason == reason


def test_a_filter_goes_on_behind_what_was_refused_and_a_unit_costs_the_same(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = waiting(start, *range(1, 8))
    monkeypatch.setattr(undistributed, "MOST", 3)
    monkeypatch.setattr(undistributed, "CHUNK", 2)
    after: UUID | None = None
    found = []
    while True:
        item = given(house, "rui", filter={}, queue="norte-q", after=after)
        found.append(item.given)
        after = item.next
        if after is None:
            break
    assert found == [3, 3, 1]
    spent = []
    for size in (1, 6):
        ids = [row.id for row in house.opvs()][:size]
        house.set("distribution_work", {"rule": "any"})
        with counted(house.database) as statements, house.database.write() as tx:
            body = BulkAssignmentBody(filter={}, queue="norte-q", reason="x")
            in_force = house.house()
            undistributed.give_some(tx, in_force, viewer(in_force, "rui"), house.clock(), body, ids)
        spent.append(len(statements))
    assert spent[0] == spent[1]

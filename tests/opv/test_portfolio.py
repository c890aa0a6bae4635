"""A broker's whole portfolio: to another, to whoever the rules find, in chunks, again and again."""

from __future__ import annotations

import json
import threading
from uuid import UUID

import pytest

from opv.actions import withdraw
from opv.conversion import portfolio
from opv.conversion.parts import give_presales, share
from opv.conversion.portfolio import Move
from opv.distribution import availability
from schemas.availability import AvailabilityBody
from tests.opv.conversion import PRESALES_HOUSE, do, inactive, refused, served, viewer
from tests.opv.test_transfer_requests import ask, states
from tests.pipeline import Pipeline, Start, counted


def some(house: Pipeline, person: str, of: str, to: str | None) -> int:
    """Moves a unit of work's OPVs; gives how many."""
    in_force = house.house()
    with house.database.write() as tx:
        move = Move(of, to, "saiu da casa")
        return portfolio.move_some(tx, in_force, viewer(in_force, person), house.clock(), move).opvs


def moved(house: Pipeline, person: str, move: Move) -> int:
    in_force = house.house()
    with house.database.write() as tx:
        return portfolio.move_some(tx, in_force, viewer(in_force, person), house.clock(), move).opvs


def left(house: Pipeline, person: str, of: str, to: str | None) -> int:
    in_force = house.house()
    with house.database.read() as tx:
        return portfolio.left(tx, in_force, viewer(in_force, person), Move(of, to, "saiu da casa"))


def check(house: Pipeline, person: str, of: str, to: str | None, reason: str = "saiu") -> None:
    in_force = house.house()
    with house.database.read() as tx:
        portfolio.check(tx, in_force, viewer(in_force, person), Move(of, to, reason))


def anas(house: Pipeline) -> tuple[UUID, UUID, UUID, UUID]:
    """What ana serves: in sales, as the second broker, in pre-sales; and a closed one."""
    sales, second, early, closed = (
        served(house, broker=b, number=n) for n, b in enumerate(("ana", "bia", "bia", "ana"), 1)
    )
    do(house, "rui", second, lambda at: share(at, "x", "ana"))
    do(house, "rui", early, lambda at: give_presales(at, "x", broker="ana"))
    do(house, "ana", closed, lambda at: withdraw(at, "price"))
    return sales, second, early, closed


def test_all_parts_go_to_another_broker(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    sales, second, early, closed = anas(house)
    do(house, "rui", sales, lambda at: share(at, "x", "caio"))
    ask(house, "ana", sales, broker="bia")
    house.apply(inactive("ana"))
    assert (
        left(house, "rui", "ana", "caio"),
        some(house, "rui", "ana", "caio"),
        left(house, "rui", "ana", "caio"),
    ) == (3, 3, 0)
    rows = {row.id: row for row in house.opvs()}
    assert (rows[sales].broker, rows[sales].team, rows[sales].second_broker) == ("caio", "norte", None)
    assert (rows[second].broker, rows[second].second_broker) == ("bia", "caio")
    assert (rows[early].presales_broker, rows[early].presales_manager) == ("caio", "marta")
    assert (rows[closed].status, rows[closed].broker) == ("lost", "ana")
    assert states(house) == ["void"]
    for opv in (sales, second, early):
        kind, data = house.history(opv)[-1]
        assert (kind, data["previous"], data["rule"]) == ("opv.assigned", "ana", "transfer")
        assert json.loads(house.rows("history_contents", opportunity_id=opv)[-1].content) == {"reason": "saiu da casa"}
        assert json.loads(house.decisions(opv)[-1].explanation)["portfolio"] is True
    assert some(house, "rui", "ana", "caio") == 0


def test_to_whoever_the_rules_find(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    sales, second, early, _ = anas(house)
    house.apply(inactive("ana"))
    assert some(house, "paula", "ana", None) == 3
    assert (some(house, "paula", "ana", None), left(house, "paula", "ana", None)) == (0, 0), "what waits is moved"
    rows = {row.id: row for row in house.opvs()}
    assert (rows[sales].broker, rows[second].second_broker, rows[early].presales_broker) == ("ana", None, None)
    assert rows[early].presales_manager == "paula"
    assert house.history(sales)[-1] == ("redistribution.asked", {"broker": "ana"})
    house.run()
    assert {row.broker for row in house.opvs() if row.status == "open"} == {"bia"}


def test_an_opv_that_waits_already_is_not_given_back(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    house.apply(PRESALES_HOUSE.replace("distribution: {rules: [{key: any, queue: {teams: [sul]}}]}", ""))
    house.apply(
        inactive("ana", PRESALES_HOUSE.replace("distribution: {rules: [{key: any, queue: {teams: [sul]}}]}", ""))
    )
    house.deliver("site", {"id": "again", "nome": "Bruno Exemplo 1", "telefone": "(11) 98000-0001"})
    house.run()
    assert house.undistributed() == {opv: "no_rule"}
    assert (some(house, "rui", "ana", None), some(house, "rui", "ana", None)) == (1, 0)
    (waits,) = house.rows("distribution_work")
    assert (waits.exclude, waits.reason, waits.due_at) == ("ana", None, house.clock())
    assert (some(house, "rui", "ana", "bia"), house.rows("distribution_work")) == (1, [])


def test_chunks_go_on_where_they_were_stopped_and_cost_the_same(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    house = start(PRESALES_HOUSE)
    house.deliver_all(
        [("site", {"id": f"{n}", "nome": f"Iara Exemplo {n}", "telefone": f"(11) 98000-{n:04d}"}) for n in range(40)]
    )
    house.run()
    mine = [row.id for row in house.opvs() if row.broker == "ana"]
    assert len(mine) == 20
    costs, moved = [], []
    for size in (2, 9, 100):
        monkeypatch.setattr(portfolio, "CHUNK", size)
        with counted(house.database) as statements:
            moved.append(some(house, "paula", "ana", "bia"))
        costs.append(len(statements))
    assert moved == [2, 9, 9]
    if house.database.dialect == "postgresql":  # on SQLite executemany is counted as one
        assert len(set(costs[1:])) == 1
    assert max(costs) <= min(costs) + 2
    assert left(house, "paula", "ana", "bia") == 0
    assert {row.broker for row in house.opvs()} == {"bia"}


def test_two_who_move_it_at_once_move_each_opv_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolio, "CHUNK", 3)
    house = start(PRESALES_HOUSE)
    sent = [{"id": f"{n}", "nome": f"Iara Exemplo {n}", "telefone": f"(11) 98000-{n:04d}"} for n in range(40)]
    house.deliver_all(("site", one) for one in sent)
    house.run()
    barrier = threading.Barrier(2)
    moved: list[int] = []

    def moving(person: str, to: str) -> None:
        barrier.wait()
        while more := some(house, person, "ana", to):
            moved.append(more)

    threads = [threading.Thread(target=moving, args=one) for one in (("paula", "bia"), ("rui", "caio"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(moved) + left(house, "rui", "ana", "bia") == 20
    assert len(house.rows("assignments")) == 40 + sum(moved)


def test_to_a_person_of_presales_goes_presales_alone(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    sales, _, early, _ = anas(house)
    assert some(house, "paula", "ana", "pia") == 1
    assert left(house, "paula", "ana", "pia") == 2
    rows = {row.id: row for row in house.opvs()}
    assert (rows[early].presales_broker, rows[sales].broker) == ("pia", "ana")
    assert some(house, "paula", "ana", "pia") == 0


BY_RULE = PRESALES_HOUSE.replace(
    "{key: any, queue: {teams: [sul]}}",
    "{key: norte, when: {city: Santos}, queue: {teams: [norte], logged_in: true}}, {key: any, queue: {teams: [sul]}}",
)


def test_a_rule_redistributes_what_one_who_left_served_until_it_has_somebody(start: Start) -> None:
    house = start(BY_RULE.replace("queue: {teams: [sul]}", "queue: {teams: [sul], accept: {within: 5 minutes}}"))
    in_force, accepting, contacted = house.house(), served(house), served(house, number=3)
    house.set("distribution_work", {"reason": "no_rule", "state": "waiting"}, opportunity_id=contacted)
    with house.database.write() as tx:
        body = AvailabilityBody(state="available")
        availability.say(tx, in_force, viewer(in_force, "ana"), house.clock(), "ana", body)
    house.apply(inactive("ana", BY_RULE))
    move = Move("ana", None, "saiu da casa", by="norte")
    assert moved(house, "rui", move) == 2
    assert (moved(house, "rui", move), house.rows("availability")) == (0, [])
    assert house.history(accepting)[-1] == ("redistribution.asked", {"broker": "ana", "by": "norte"})
    house.run()
    assert {(row.reason, row.rule, row.exclude) for row in house.rows("distribution_work")} == {
        ("all_left_out", "=norte", "ana")
    }
    with house.database.write() as tx:
        availability.say(tx, in_force, viewer(in_force, "rui"), house.clock(), "caio", body)
    house.run()
    assert {row.broker for row in house.opvs() if row.id in (accepting, contacted)} == {"caio"}
    assert house.decisions(accepting)[-1].rule == "norte"
    assert json.loads(house.decisions(accepting)[-1].explanation)["rules"] == [
        {"rule": "norte", "matched": True, "asked_for": True}
    ]


@pytest.mark.parametrize(("to", "by"), [(None, "nowhere"), (None, "returning"), ("bia", "norte")])
def test_a_rule_that_finds_nobody_is_none(start_on_sqlite: Start, to: str | None, by: str) -> None:
    house = start_on_sqlite(BY_RULE)
    served(house)
    refused(house, "unknown_rule", lambda: moved(house, "rui", Move("ana", to, "saiu", by=by)))


def test_a_second_broker_does_not_come_to_share_with_itself(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house, broker="bia")
    do(house, "rui", opv, lambda at: share(at, "x", "ana"))
    assert some(house, "rui", "ana", "bia") == 1
    assert (house.opvs()[0].broker, house.opvs()[0].second_broker) == ("bia", None)


def test_one_who_is_no_longer_in_the_configuration(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    far = served(house, broker="ana", number=2)
    house.set("opportunities", {"manager": "marta"}, id=far)
    without = PRESALES_HOUSE.replace("  - {key: ana, name: Ana Corretora, role: broker}\n", "").replace(
        "ana, bia, pia", "bia, pia"
    )
    house.apply(without)
    check(house, "paula", "ana", "bia")
    assert (some(house, "paula", "ana", "bia"), some(house, "rui", "ana", "bia")) == (1, 1), "a manager moves its own"
    assert {row.id: row.broker for row in house.opvs()} == {opv: "bia", far: "bia"}


@pytest.mark.parametrize(
    ("person", "of", "to", "reason"),
    [
        ("paula", "ana", "caio", "not_allowed"),
        ("paula", "caio", "bia", "not_allowed"),
        ("paula", "caio", None, "not_allowed"),
        ("ana", "ana", "bia", "not_allowed"),
        ("pia", "ana", None, "not_allowed"),
        ("olga", "ana", None, "not_allowed"),
        ("rui", "ana", "ana", "same_assignment"),
        ("rui", "ana", "ivo", "unknown_broker"),
        ("rui", "ana", "paula", "unknown_broker"),
    ],
)
def test_portfolios_refused(start_on_sqlite: Start, person: str, of: str, to: str | None, reason: str) -> None:
    house = start_on_sqlite(PRESALES_HOUSE)
    served(house)
    refused(house, reason, lambda: some(house, person, of, to))
    refused(house, reason, lambda: check(house, person, of, to))


def test_nobody_of_that_name(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(PRESALES_HOUSE)
    refused(house, "unknown_person", lambda: check(house, "rui", "nobody", None))
    refused(house, "reason_missing", lambda: check(house, "rui", "ana", None, " "))

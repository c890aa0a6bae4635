"""Pre-sales and the second broker: who is given what by whom, what it leaves, and who is given nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from opv import history
from opv.actions import Acting, comment, move_stage, transfer, withdraw
from opv.conversion.parts import give, give_presales, share
from tests.opv.conversion import PRESALES_HOUSE, do, enter, inactive, refused, served
from tests.pipeline import Pipeline, Start

LISTENING = PRESALES_HOUSE + "automations: [{key: greet, on: opv.assigned, do: [{comment: chegou}]}]\n"


def assigned(house: Pipeline, opv: UUID) -> list[dict[str, Any]]:
    return [data for kind, data in house.history(opv) if kind == history.ASSIGNED]


def test_presales_is_given_and_told(start: Start) -> None:
    house = start(LISTENING)
    opv = served(house)
    sold = house.opvs()[0]
    assert do(house, "paula", opv, lambda at: give_presales(at, "qualificar", broker="pia")) == set()
    row = house.opvs()[0]
    assert (row.presales_team, row.presales_manager, row.presales_broker) == ("sul", "paula", "pia")
    assert (row.team, row.manager, row.broker, row.assigned_at) == ("sul", "paula", "ana", sold.assigned_at)
    told = assigned(house, opv)[-1]
    assert {key: told[key] for key in ("part", "team", "manager", "broker", "rule")} == {
        "part": "presales", "team": "sul", "manager": "paula", "broker": "pia", "rule": "transfer",
    }  # fmt: skip
    assert "previous" not in told
    assert json.loads(house.rows("history_contents", opportunity_id=opv)[-1].content) == {"reason": "qualificar"}
    decision = house.decisions(opv)[-1]
    assert (str(decision.id), decision.broker) == (told["decision"], "pia")
    assert json.loads(decision.explanation) == {"part": "presales", "by": "person:paula", "previous": None}
    assert {(a.part, a.broker) for a in house.rows("assignments")} == {("sales", "ana"), ("presales", "pia")}
    assert house.kinds(opv).count(history.COMMENT_ADDED) == 1, "automations hear of the assignment in sales alone"
    assert "part" not in assigned(house, opv)[0]

    do(house, "rui", opv, lambda at: give_presales(at, "férias", broker="caio"))
    assert assigned(house, opv)[-1]["previous"] == "pia"
    do(house, "rui", opv, lambda at: give_presales(at, "gerente decide", team="norte"))
    row = house.opvs()[0]
    assert (row.presales_team, row.presales_manager, row.presales_broker) == ("norte", "marta", None)


def test_presales_sees_the_opv_until_it_leaves_their_stage(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    do(house, "paula", opv, lambda at: give_presales(at, "qualificar", broker="pia"))
    do(house, "pia", opv, lambda at: comment(at, "liguei"))
    do(house, "pia", opv, lambda at: move_stage(at, "contacted"))
    refused(house, "unknown_opv", lambda: do(house, "pia", opv, lambda at: comment(at, "e agora?")))


def test_an_opv_is_shared_and_no_more(start: Start) -> None:
    house = start(LISTENING)
    opv = served(house)
    assert do(house, "ana", opv, lambda at: share(at, "plantão", "bia")) == set()
    do(house, "bia", opv, lambda at: comment(at, "oi"))
    told = assigned(house, opv)[-1]
    assert (told["part"], told["broker"], told["team"], told["manager"]) == ("second", "bia", "sul", "paula")
    assert (house.opvs()[0].broker, house.opvs()[0].second_broker) == ("ana", "bia")
    do(house, "ana", opv, lambda at: share(at, "já chega", None))
    told = assigned(house, opv)[-1]
    assert (told["part"], told["broker"], told["previous"]) == ("second", None, "bia")
    assert house.opvs()[0].second_broker is None
    assert [(a.part, a.broker) for a in house.rows("assignments")] == [
        ("sales", "ana"), ("second", "bia"), ("second", None),
    ]  # fmt: skip
    refused(house, "unknown_opv", lambda: do(house, "bia", opv, lambda at: comment(at, "oi")))


def test_a_transfer_to_the_second_broker_ends_the_sharing(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    do(house, "ana", opv, lambda at: share(at, "plantão", "bia"))
    do(house, "paula", opv, lambda at: transfer(at, "férias", broker="bia"))
    row = house.opvs()[0]
    assert (row.broker, row.second_broker) == ("bia", None)
    ended, given = assigned(house, opv)[-2:]
    assert (ended["part"], ended["broker"], ended["previous"]) == ("second", None, "bia")
    assert ("part" in given, given["broker"], given["previous"]) == (False, "bia", "ana")
    assert ended["decision"] == given["decision"]


def test_a_transfer_elsewhere_keeps_the_second_broker_unless_it_has_left(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    do(house, "ana", opv, lambda at: share(at, "plantão", "bia"))
    do(house, "rui", opv, lambda at: transfer(at, "férias", broker="caio"))
    assert house.opvs()[0].second_broker == "bia"
    house.apply(inactive("bia"))
    do(house, "rui", opv, lambda at: transfer(at, "volta", broker="ana"))
    assert house.opvs()[0].second_broker is None


def test_queues_hand_nothing_to_people_of_presales(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    for number in range(1, 5):
        served(house, number=number)
    assert {d.broker for d in house.decisions()} == {"ana", "bia"}
    assert {member.broker for member in house.rows("queue_members")} == {"ana", "bia"}


def test_a_broker_who_became_of_presales_keeps_no_client(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    house.apply(PRESALES_HOUSE.replace("name: Ana Corretora, role: broker", "name: Ana, role: presales"))
    house.deliver("site", {"id": "x", "nome": "Bruno Exemplo 1", "telefone": "(11) 98000-0001"})
    house.run()
    assert [(o.status, o.broker) for o in house.opvs()] == [("lost", "ana"), ("open", "bia")]


def test_who_registers_in_presales_serves_there(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    done = enter(house, "pia")
    house.run()
    row = house.opvs()[0]
    assert (row.id, row.presales_manager, row.presales_broker, row.broker) == (done.opv, "paula", "pia", "ana")
    assert [data["broker"] for data in assigned(house, done.opv)] == ["pia", "ana"]
    again = enter(house, "pia")
    assert (again.opv, len(assigned(house, done.opv))) == (done.opv, 2)


Deed = Callable[[Acting], object]
REFUSED: tuple[tuple[str, Deed, str], ...] = (
    ("paula", lambda at: give(at, "presales", " ", broker="pia"), "reason_missing"),
    ("paula", lambda at: give(at, "presales", "x"), "nobody_named"),
    ("paula", lambda at: give(at, "presales", "x", broker="ivo"), "unknown_broker"),
    ("paula", lambda at: give(at, "presales", "x", broker="rui"), "unknown_broker"),
    ("paula", lambda at: give(at, "presales", "x", team="sul", broker="caio"), "not_in_team"),
    ("paula", lambda at: give(at, "presales", "x", broker="pedro"), "not_allowed"),
    ("ana", lambda at: give(at, "presales", "x", broker="pia"), "not_allowed"),
    ("paula", lambda at: give(at, "sales", "x", broker="pia"), "unknown_broker"),
    ("paula", lambda at: give(at, "second", "x", broker="pia"), "unknown_broker"),
    ("paula", lambda at: give(at, "second", "x", broker="bia", team="sul"), "second_is_a_broker"),
    ("paula", lambda at: give(at, "second", "x", broker="ana"), "same_assignment"),
    ("paula", lambda at: give(at, "second", "x", broker="caio"), "not_allowed"),
    ("ana", lambda at: give(at, "second", "x", broker="caio"), "not_allowed"),
    ("ana", lambda at: give(at, "second", " ", broker="bia"), "reason_missing"),
    ("ana", lambda at: give(at, "second", "x"), "not_shared"),
    ("bia", lambda at: give(at, "second", "x", broker="bia"), "unknown_opv"),
    ("marta", lambda at: give(at, "presales", "x", broker="pedro"), "unknown_opv"),
)
AGAIN: tuple[tuple[str, Deed, str], ...] = (
    ("rui", lambda at: give(at, "presales", "x", broker="pedro"), "same_assignment"),
    ("rui", lambda at: give(at, "second", "x", broker="caio"), "same_assignment"),
    ("pedro", lambda at: give(at, "presales", "x", broker="pia"), "not_allowed"),
    ("pedro", lambda at: give(at, "second", "x", broker="bia"), "not_allowed"),
    ("caio", lambda at: give(at, "second", "x", broker="bia"), "not_allowed"),
    ("caio", lambda at: give(at, "second", "x"), "not_allowed"),
    ("marta", lambda at: give(at, "sales", "meu agora", broker="caio"), "not_allowed"),
    ("marta", lambda at: give(at, "second", "x", broker="caio"), "not_allowed"),
)
"""On an OPV of ana with whom caio shares it, pedro in pre-sales: marta leads these two, and sees it for that."""


def test_a_refused_conversion_names_its_rule_and_changes_nothing(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)

    def tried(person: str, deed: Deed) -> Callable[[], object]:
        return lambda: do(house, person, opv, deed)

    for person, deed, reason in REFUSED:
        refused(house, reason, tried(person, deed))
    do(house, "rui", opv, lambda at: give(at, "presales", "x", broker="pedro"))
    do(house, "rui", opv, lambda at: give(at, "second", "x", broker="caio"))
    for person, deed, reason in AGAIN:
        refused(house, reason, tried(person, deed))
    do(house, "marta", opv, lambda at: give(at, "second", "é do meu time", broker=None))
    do(house, "marta", opv, lambda at: give(at, "presales", "gerente", manager="marta"))
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    refused(house, "opv_closed", tried("rui", lambda at: give(at, "presales", "x", broker="bia")))
    refused(house, "opv_closed", tried("rui", lambda at: give(at, "second", "x", broker="bia")))


def test_an_opv_without_a_broker_is_shared_by_nobody(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    do(house, "paula", opv, lambda at: transfer(at, "decido eu", team="sul"))
    refused(house, "no_broker", lambda: do(house, "paula", opv, lambda at: share(at, "x", "bia")))
    assert house.opvs()[0].manager == "paula"


def test_the_manager_of_presales_decides_while_sales_has_nobody(start: Start) -> None:
    house = start(PRESALES_HOUSE.replace("distribution: {rules: [{key: any, queue: {teams: [sul]}}]}", ""))
    opv = enter(house, "pedro").opv
    assert house.opvs()[0].presales_manager == "marta"
    do(house, "marta", opv, lambda at: transfer(at, "qualificado", broker="caio"))
    assert house.opvs()[0].broker == "caio"


def test_a_person_of_presales_may_do_nothing_with_what_others_serve(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    refused(house, "unknown_opv", lambda: do(house, "pia", opv, lambda at: comment(at, "x")))
    refused(house, "already_served", lambda: enter(house, "pia"))
    refused(house, "not_allowed", lambda: enter(house, "pia", broker="ana", number=2))

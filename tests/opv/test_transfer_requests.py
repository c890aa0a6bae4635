"""Requests for transfers and their answers: who asks, who answers, once, and what a closed OPV makes of them."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import UUID, uuid4

from opv.actions import reopen, transfer, withdraw
from opv.conversion import requests
from opv.conversion.answering import answer
from opv.conversion.parts import give_presales, share
from schemas.conversion import RequestFilters, RequestItem
from schemas.errors import Reject
from tests.opv.conversion import PRESALES_HOUSE, do, inactive, refused, served, viewer
from tests.pipeline import NOW, Pipeline, Start


def ask(house: Pipeline, person: str, opv: UUID, reason: str = "mudei de plantão", broker: str | None = None) -> UUID:
    in_force = house.house()
    with house.database.write() as tx:
        done = requests.ask(tx, in_force, viewer(in_force, person), house.clock(), str(opv), reason, broker)
    assert done.request is not None
    return done.request


def reply(house: Pipeline, person: str, request: object, *, grant: bool, reason: str | None = None) -> set[str]:
    in_force = house.house()
    with house.database.write() as tx:
        done = answer(tx, in_force, viewer(in_force, person), house.clock(), str(request), grant, reason)
    return done.woken


def listed(house: Pipeline, person: str, **filters: Any) -> list[RequestItem]:
    in_force = house.house()
    with house.database.read() as tx:
        return requests.page(tx, in_force, viewer(in_force, person), RequestFilters(**filters)).items


def states(house: Pipeline) -> list[str]:
    return [row.state for row in house.rows("transfer_requests")]


def test_a_granted_request_transfers_in_the_same_unit_of_work(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    request = ask(house, "ana", opv, broker="bia")
    assert house.history(opv)[-1] == ("transfer.requested", {"request": str(request), "broker": "bia"})
    house.clock.forward(minutes=5)
    reply(house, "paula", request, grant=True, reason="combinado")
    assert house.kinds(opv)[-2:] == ["transfer.answered", "opv.assigned"]
    assert house.history(opv)[-2][1] == {"request": str(request), "of": "transfer", "granted": True}
    given = house.history(opv)[-1][1]
    assert (given["broker"], given["previous"], given["rule"]) == ("bia", "ana", "transfer")
    words = [json.loads(row.content) for row in house.rows("history_contents", opportunity_id=opv)]
    assert words[-3:] == [{"reason": "mudei de plantão"}, {"reason": "combinado"}, {"reason": "combinado"}]
    assert (house.opvs()[0].broker, house.opvs()[0].manager) == ("bia", "paula")
    (row,) = house.rows("transfer_requests")
    entries = house.kinds(opv)
    assert (row.kind, row.state, row.asked_by, row.answered_by) == ("transfer", "granted", "ana", "paula")
    assert (row.at, row.answered_at) == (NOW, house.clock())
    assert (entries[row.seq - 1], entries[row.answer_seq - 1]) == ("transfer.requested", "transfer.answered")
    assert json.loads(house.decisions(opv)[-1].explanation)["request"] == str(request)


def test_a_refused_request_leaves_the_opv(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    request = ask(house, "ana", opv, broker="bia")
    reply(house, "paula", request, grant=False, reason="fique com ela")
    assert (states(house), house.opvs()[0].broker) == (["refused"], "ana")
    (item,) = listed(house, "ana")
    assert (item.state, item.reason, item.answer) == ("refused", "mudei de plantão", "fique com ela")
    ask(house, "ana", opv, broker="bia")
    assert states(house) == ["refused", "open"]


def test_a_request_for_nobody_lets_the_rules_find_another_broker(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    assert reply(house, "paula", ask(house, "ana", opv), grant=True) == {"distribution"}
    assert house.opvs()[0].broker == "ana", "until another is found"
    house.run()
    assert house.opvs()[0].broker == "bia"
    assert house.kinds(opv)[-3:] == ["transfer.answered", "redistribution.asked", "opv.assigned"]
    assert not house.rows("distribution_work")


def test_all_who_serve_ask_and_each_sees_its_own(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    do(house, "rui", opv, lambda at: give_presales(at, "x", broker="pia"))
    do(house, "rui", opv, lambda at: share(at, "x", "caio"))
    asked = {person: ask(house, person, opv, broker="bia") for person in ("ana", "caio", "pia", "paula", "marta")}
    for person, request in asked.items():
        if person != "paula":
            assert [item.id for item in listed(house, person)] == [request], person
    for person in ("paula", "rui"):
        assert [item.id for item in listed(house, person)] == sorted(asked.values(), reverse=True)
        assert all(item.may_grant and item.may_refuse for item in listed(house, person))
    assert not any(item.may_grant or item.may_refuse for item in listed(house, "marta"))
    assert listed(house, "bia") == listed(house, "olga") == listed(house, "pedro") == []
    assert listed(house, "paula", state="granted") == []
    reply(house, "paula", asked["caio"], grant=True)
    assert sorted(states(house)) == ["granted", "void", "void", "void", "void"]
    assert [item.id for item in listed(house, "rui", state="granted")] == [asked["caio"]]
    (first, *_) = listed(house, "rui", state="void", limit=1)
    assert (first.id, first.may_grant, first.answered_by) == (asked["marta"], False, None)


def test_requests_are_void_when_the_opv_is_closed_or_given_away(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    first = ask(house, "ana", opv, broker="bia")
    do(house, "rui", opv, lambda at: transfer(at, "x", broker="caio"))
    assert states(house) == ["void"]
    refused(house, "request_void", lambda: reply(house, "rui", first, grant=True))
    second = ask(house, "caio", opv, broker="ana")
    house.clock.forward(minutes=1)
    do(house, "caio", opv, lambda at: withdraw(at, "price"))
    assert states(house) == ["void", "void"]
    assert house.rows("transfer_requests")[-1].answered_at == house.clock()
    do(house, "caio", opv, reopen)
    refused(house, "request_void", lambda: reply(house, "rui", second, grant=False))


def test_an_automation_tells_the_manager_of_a_request(start: Start) -> None:
    telling = "automations: [{key: tell, on: transfer.requested, when: {broker: ana}, do: [{notify: manager}]}]\n"
    house = start(PRESALES_HOUSE + telling)
    opv = served(house)
    ask(house, "ana", opv, broker="bia")
    house.run()
    assert [row.recipient for row in house.rows("outbound_messages")] == ["paula"]


def test_sharing_and_presales_leave_requests_open(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    ask(house, "ana", opv, broker="bia")
    do(house, "paula", opv, lambda at: give_presales(at, "x", broker="pia"))
    do(house, "paula", opv, lambda at: share(at, "x", "bia"))
    assert states(house) == ["open"]


def test_requests_refused(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    refused(house, "reason_missing", lambda: ask(house, "ana", opv, " "))
    refused(house, "unknown_broker", lambda: ask(house, "ana", opv, broker="pia"))
    refused(house, "same_assignment", lambda: ask(house, "ana", opv, broker="ana"))
    refused(house, "not_allowed", lambda: ask(house, "rui", opv, broker="bia"))
    refused(house, "unknown_opv", lambda: ask(house, "bia", opv, broker="bia"))
    request = ask(house, "ana", opv, broker="bia")
    refused(house, "request_open", lambda: ask(house, "ana", opv, broker="caio"))
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    refused(house, "opv_closed", lambda: ask(house, "ana", opv, broker="bia"))
    refused(house, "request_void", lambda: reply(house, "rui", request, grant=True))


def test_answers_refused(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    away, near = ask(house, "ana", opv, broker="caio"), ask(house, "paula", opv, broker="bia")
    refused(house, "unknown_request", lambda: reply(house, "rui", uuid4(), grant=True))
    refused(house, "unknown_request", lambda: reply(house, "rui", "x", grant=True))
    for person, reason in (("bia", "unknown_request"), ("marta", "unknown_request"), ("olga", "unknown_request")):
        refused(house, reason, lambda person=person: reply(house, person, near, grant=True))  # type: ignore[misc] # the loop's value, bound now
    refused(house, "not_allowed", lambda: reply(house, "ana", away, grant=False))
    refused(house, "not_allowed", lambda: reply(house, "paula", away, grant=True))
    house.apply(inactive("bia"))
    refused(house, "unknown_broker", lambda: reply(house, "paula", near, grant=True))
    reply(house, "paula", away, grant=False)
    refused(house, "already_answered", lambda: reply(house, "rui", away, grant=True))


def test_of_two_who_answer_at_once_one_wins_and_the_other_is_told(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    opv = served(house)
    for _ in range(5):
        (row,) = house.opvs()
        other = "bia" if row.broker == "ana" else "ana"
        request = ask(house, row.broker, opv, broker=other)
        barrier = threading.Barrier(2)
        outcomes: list[str] = []

        def replying(person: str, grant: bool, request: UUID = request, barrier: threading.Barrier = barrier,
                     outcomes: list[str] = outcomes) -> None:  # fmt: skip
            barrier.wait()
            try:
                reply(house, person, request, grant=grant)
                outcomes.append("granted" if grant else "refused")
            except Reject as told:
                outcomes.append(told.reason)

        threads = [threading.Thread(target=replying, args=one) for one in (("paula", True), ("rui", False))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (last,) = house.rows("transfer_requests", id=request)
        assert sorted(outcomes) == sorted(["already_answered", last.state])
        assert house.opvs()[0].broker == (other if last.state == "granted" else row.broker)
        assert house.kinds(opv).count("transfer.answered") == len(house.rows("transfer_requests"))

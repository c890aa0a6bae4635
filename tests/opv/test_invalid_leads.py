"""A broker says that a lead is none; a manager or a rule confirms it, and the turn is given back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from opv.conversion import requests
from opv.distribution.loads import load_all
from schemas.conversion import InvalidBody
from tests.opv.conversion import PRESALES_HOUSE, refused, served, viewer
from tests.opv.test_transfer_requests import listed, reply, states
from tests.pipeline import Pipeline, Start

HOUSE = PRESALES_HOUSE.replace(
    "withdrawal_reasons: [{key: price, name: Preço}]",
    "withdrawal_reasons: [{key: price, name: Preço}, {key: none, name: Sem contato, automatic: true}]",
)


def by_rule(when: str, reason: str = "") -> str:
    return HOUSE.replace(
        "distribution: {rules:", f"distribution: {{invalid_leads: {{confirm: rule, when: {{{when}}}{reason}}}, rules:"
    )


def report(house: Pipeline, person: str, opv: UUID, reason: Any = "wrong_number", text: str | None = None) -> UUID:
    in_force = house.house()
    with house.database.write() as tx:
        done = requests.report(tx, in_force, viewer(in_force, person), house.clock(), str(opv), reason, text)
    assert done.request is not None
    return done.request


def owed(house: Pipeline) -> dict[str, int]:
    return {row.broker: row.owed for row in house.rows("queue_members")}


def given(house: Pipeline, broker: str) -> tuple[int, int, int, int]:
    with house.database.read() as tx:
        load = load_all(tx, [broker], house.clock(), house.house().zone)[broker]
    return load.open, load.day, load.week, load.days30


def test_once_a_manager_confirms_it_the_turn_is_given_back_and_the_opv_withdrawn(start: Start) -> None:
    house = start(HOUSE)
    opv = served(house)
    request = report(house, "ana", opv, text="atende uma padaria")
    assert (states(house), owed(house), house.opvs()[0].status) == (["open"], {"ana": 0, "bia": 0}, "open")
    (item,) = listed(house, "paula")
    assert (item.kind, item.reason, item.text, item.may_grant) == (
        "invalid", "wrong_number", "atende uma padaria", True,
    )  # fmt: skip
    assert given(house, "ana") == (1, 1, 1, 1)
    house.clock.forward(days=1)
    reply(house, "paula", request, grant=True, reason="confirmei")
    assert house.history(opv)[-4:] == [
        ("lead.invalid_reported", {"request": str(request), "broker": None}),
        ("lead.invalid_confirmed", {"request": str(request), "broker": "ana"}),
        ("turn.given_back", {"queue": "any", "broker": "ana"}),
        ("opv.withdrawn", {"reason": "none", "stage": "new", "request": str(request)}),
    ]
    assert (states(house), owed(house), house.opvs()[0].status) == (["granted"], {"ana": 1, "bia": 0}, "lost")
    assert given(house, "ana") == (0, 0, 0, 0)
    refused(house, "already_answered", lambda: reply(house, "rui", request, grant=False))


def test_a_refused_one_stays_and_may_be_reported_again(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE)
    opv = served(house)
    request = report(house, "ana", opv)
    refused(house, "request_open", lambda: report(house, "ana", opv))
    reply(house, "paula", request, grant=False, reason="ligue de novo")
    assert house.history(opv)[-1] == ("lead.invalid_refused", {"request": str(request), "broker": "ana"})
    assert (states(house), owed(house)["ana"], house.opvs()[0].status) == (["refused"], 0, "open")
    report(house, "ana", opv)
    assert states(house) == ["refused", "open"]


def test_a_rule_confirms_at_once_what_it_holds_for(start: Start) -> None:
    house = start(by_rule("source: form", ", reason: price"))
    opv = served(house)
    request = report(house, "ana", opv)
    assert house.history(opv)[-1] == ("opv.withdrawn", {"reason": "price", "stage": "new", "request": str(request)})
    assert (states(house), owed(house)["ana"]) == (["granted"], 1)
    house.apply(by_rule("source: grupo_olx"))
    report(house, "bia", served(house, broker="bia", number=2))
    assert states(house) == ["granted", "open"]


def test_who_was_given_it_by_hand_or_left_the_queue_is_owed_nothing(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(by_rule("source: form"))
    for number, queue in ((1, None), (2, "any@mirante"), (3, "gone")):
        opv = served(house, broker="ana", number=number)
        house.set("decisions", {"queue": queue}, opportunity_id=opv)
        house.set("assignments", {"broker": "ana"}, opportunity_id=opv)
        report(house, "ana", opv)
    opv = served(house, broker="caio", number=4)
    house.set("assignments", {"broker": "caio"}, opportunity_id=opv)
    report(house, "caio", opv)
    assert [row.status for row in house.opvs()] == ["lost"] * 4
    assert set(owed(house).values()) == {0}


def test_who_may_not(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE)
    opv = served(house)
    refused(house, "not_allowed", lambda: report(house, "paula", opv))
    refused(house, "unknown_opv", lambda: report(house, "bia", opv))
    request = report(house, "ana", opv)
    refused(house, "not_allowed", lambda: reply(house, "ana", request, grant=True))
    house.set("opportunities", {"status": "lost"}, id=opv)
    refused(house, "opv_closed", lambda: report(house, "ana", opv))
    with pytest.raises(ValueError, match="say what is wrong"):
        InvalidBody(reason="other")

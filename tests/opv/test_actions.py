"""What people do to OPVs: what each action leaves, and what each refusal leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from opv.access import viewer_of
from opv.actions import Acting, comment, contact, move_stage, reopen, transfer, win, withdraw
from opv.by_people import act, register
from schemas.errors import Reject
from schemas.lead import Lead, SentPhone
from tests.pipeline import HOUSE, NOW, TABLES, Pipeline, Start, lead

RULES = """
withdrawal_reasons:
  - {key: price, name: Preço}
  - {key: other, name: Outro, needs_remarks: true}
automations:
  - {key: greet, on: stage.changed, when: {stage: visit}, do: [{comment: chegou}]}
"""
DAY = date(2026, 9, 21)


def do(house: Pipeline, person: str, opv: UUID, deed: Callable[[Acting], object]) -> set[str]:
    house_ = house.house()
    viewer = viewer_of(person, house_)
    assert viewer is not None
    with house.database.write() as tx:
        return act(tx, house_, viewer, house.clock(), str(opv), deed).woken


def enter(house: Pipeline, person: str, broker: str | None = None, **fields: Any) -> UUID:
    house_ = house.house()
    viewer = viewer_of(person, house_)
    assert viewer is not None
    typed = Lead(**{"name": "Maria Exemplo", "phones": [SentPhone(value="11 98000-0001")], **fields})
    with house.database.write() as tx:
        return register(tx, house_, viewer, house.clock(), typed, broker).opv


def everything(house: Pipeline) -> dict[str, list[Any]]:
    return {name: house.rows(name) for name in TABLES}


def served(start: Start) -> tuple[Pipeline, UUID]:
    house = start(HOUSE + RULES)
    house.deliver("site", lead())
    house.run()
    (opv,) = house.opvs()
    assert opv.broker == "ana"
    return house, opv.id


def test_comments_and_contacts(start: Start) -> None:
    house, opv = served(start)
    do(house, "ana", opv, lambda at: comment(at, "ligou"))
    assert house.opvs()[0].first_contact_at is None
    house.clock.forward(minutes=5)
    do(house, "ana", opv, lambda at: contact(at, "visit", place="estande", outcome="gostou"))
    first = house.clock()
    house.clock.forward(minutes=5)
    do(house, "paula", opv, lambda at: contact(at, "call"))
    assert house.opvs()[0].first_contact_at == first
    entries = house.rows("history_entries", opportunity_id=opv)[-3:]
    assert [(e.kind, e.actor, json.loads(e.data)) for e in entries] == [
        ("comment.added", "person:ana", {}),
        ("contact.added", "person:ana", {"contact": "visit", "first": True}),
        ("contact.added", "person:paula", {"contact": "call", "first": False}),
    ]
    contents = [json.loads(row.content) for row in house.rows("history_contents", opportunity_id=opv)[-2:]]
    assert contents == [{"text": "ligou"}, {"place": "estande", "outcome": "gostou"}]


def test_a_move_pends_what_listens_to_it(start: Start) -> None:
    house, opv = served(start)
    assert do(house, "ana", opv, lambda at: move_stage(at, "visit")) == {"automation"}
    assert house.opvs()[0].stage == "visit"
    assert house.history(opv)[-1] == ("stage.changed", {"from": "new", "to": "visit"})
    house.run()
    assert house.kinds(opv)[-1] == "comment.added"
    do(house, "ana", opv, lambda at: move_stage(at, "new"))
    assert house.opvs()[0].stage == "new"


def test_a_transfer_is_decided_assigned_and_told(start: Start) -> None:
    house, opv = served(start)
    do(house, "paula", opv, lambda at: transfer(at, "férias", broker="bia"))
    row = house.opvs()[0]
    assert (row.team, row.manager, row.broker) == ("sul", "paula", "bia")
    kind, data = house.history(opv)[-1]
    assert (kind, data["previous"], data["broker"], data["rule"]) == ("opv.assigned", "ana", "bia", "transfer")
    assert json.loads(house.rows("history_contents", opportunity_id=opv)[-1].content) == {"reason": "férias"}
    assert [d.broker for d in house.decisions(opv)] == ["ana", "bia"]
    assert {a.broker for a in house.rows("assignments")} == {"ana", "bia"}
    do(house, "rui", opv, lambda at: transfer(at, "gerente decide", team="sul"))
    row = house.opvs()[0]
    assert (row.team, row.manager, row.broker) == ("sul", "paula", None)
    with pytest.raises(Reject, match="no such OPV"):
        do(house, "bia", opv, lambda at: comment(at, "ainda meu?"))


def test_a_transfer_takes_the_opv_off_the_list_to_distribute(start: Start) -> None:
    house = start(HOUSE.replace("distribution: {rules: [{key: any, queue: {teams: [sul]}}]}", ""))
    house.deliver("site", lead())
    house.run()
    (opv,) = house.opvs()
    assert house.undistributed()
    do(house, "rui", opv.id, lambda at: transfer(at, "à mão", broker="ana"))
    assert not house.rows("distribution_work")
    house.run()
    assert house.opvs()[0].broker == "ana"


def test_withdrawal_and_reopening(start: Start) -> None:
    house, opv = served(start)
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    do(house, "ana", opv, lambda at: withdraw(at, "other", "mudou de cidade"))
    assert house.opvs()[0].status == "lost"
    assert house.history(opv)[-1] == ("opv.withdrawn", {"reason": "other", "stage": "visit"})
    (row,) = house.rows("withdrawals")
    assert (row.reason, row.stage, row.broker, row.team, row.at) == ("other", "visit", "ana", "sul", NOW)
    do(house, "ana", opv, reopen)
    row = house.opvs()[0]
    assert (row.status, row.stage, row.broker) == ("open", "visit", "ana")
    assert house.kinds(opv)[-1] == "opv.reopened"


def test_a_reopened_opv_whose_broker_left_is_distributed(start: Start) -> None:
    house, opv = served(start)
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    house.apply((HOUSE + RULES).replace("name: Ana Corretora, role: broker", "name: Ana, role: broker, active: false"))
    assert "distribution" in do(house, "rui", opv, reopen)
    house.run()
    assert house.opvs()[0].broker == "bia"


def test_a_sale(start: Start) -> None:
    house, opv = served(start)
    do(house, "ana", opv, lambda at: win(at, Decimal("450000.50"), "Torre A 101", DAY))
    assert house.opvs()[0].status == "won"
    assert house.history(opv)[-1] == (
        "opv.won", {"value_cents": 45000050, "unit": "Torre A 101", "date": "2026-09-21", "stage": "new"},
    )  # fmt: skip
    (sale,) = house.rows("won_sales")
    assert (sale.value_cents, sale.unit, sale.sold_on, sale.broker) == (45000050, "Torre A 101", DAY, "ana")


REFUSED: tuple[tuple[str, Callable[[Acting], object], str], ...] = (
    ("ana", lambda at: comment(at, "  "), "empty_text"),
    ("ana", lambda at: contact(at, "call", place="estande"), "place_without_visit"),
    ("ana", lambda at: move_stage(at, "moon"), "unknown_stage"),
    ("ana", lambda at: move_stage(at, "new"), "same_stage"),
    ("ana", lambda at: transfer(at, "quero", broker="bia"), "not_allowed"),
    ("rui", lambda at: transfer(at, " ", broker="bia"), "reason_missing"),
    ("rui", lambda at: transfer(at, "x"), "nobody_named"),
    ("rui", lambda at: transfer(at, "x", broker="paula"), "unknown_broker"),
    ("rui", lambda at: transfer(at, "x", manager="ana"), "unknown_manager"),
    ("rui", lambda at: transfer(at, "x", team="norte"), "unknown_team"),
    ("rui", lambda at: transfer(at, "x", manager="marta"), "not_in_team"),
    ("rui", lambda at: transfer(at, "x", broker="ana"), "same_assignment"),
    ("marta", lambda at: comment(at, "x"), "unknown_opv"),
    ("bia", lambda at: comment(at, "x"), "unknown_opv"),
    ("ana", lambda at: withdraw(at, "boredom"), "unknown_withdrawal_reason"),
    ("ana", lambda at: withdraw(at, "other", " "), "remarks_missing"),
    ("ana", reopen, "not_withdrawn"),
    ("ana", lambda at: win(at, Decimal(0), "101", DAY), "value_invalid"),
    ("ana", lambda at: win(at, Decimal("NaN"), "101", DAY), "value_invalid"),
    ("ana", lambda at: win(at, Decimal("1.001"), "101", DAY), "value_invalid"),
    ("ana", lambda at: win(at, Decimal(1), " ", DAY), "unit_missing"),
    ("ana", lambda at: win(at, Decimal(1), "101", date(2026, 9, 22)), "date_in_future"),
)
CLOSED: tuple[Callable[[Acting], object], ...] = (
    lambda at: move_stage(at, "visit"),
    lambda at: withdraw(at, "price"),
    lambda at: win(at, Decimal(1), "101", DAY),
    lambda at: transfer(at, "x", broker="bia"),
)


def test_a_refused_action_says_which_rule_and_changes_nothing(start: Start) -> None:
    house, opv = served(start)
    before = everything(house)
    for person, deed, reason in REFUSED:
        with pytest.raises(Reject) as refused:
            do(house, person, opv, deed)
        assert (refused.value.reason, everything(house) == before) == (reason, True)
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    before = everything(house)
    for deed in CLOSED:
        with pytest.raises(Reject) as refused:
            do(house, "rui", opv, deed)
        assert (refused.value.reason, everything(house) == before) == ("opv_closed", True)


def test_a_refusal_is_before_any_change_in_memory(start: Start) -> None:
    """So that an automation that goes on after it writes nothing of it."""
    house, opv = served(start)
    before = everything(house)

    def swallow(deed: Callable[[Acting], object]) -> Callable[[Acting], None]:
        def swallowed(at: Acting) -> None:
            with pytest.raises(Reject):
                deed(at)

        return swallowed

    for person, deed, reason in REFUSED:
        if reason != "unknown_opv":
            do(house, person, opv, swallow(deed))
    assert everything(house) == before


def test_a_lead_typed_by_a_broker_is_that_brokers(start: Start) -> None:
    house = start()
    opv = enter(house, "bia", development="Residencial Jardim")
    (row,) = house.opvs()
    assert (row.id, row.broker, row.manager, row.development) == (opv, "bia", "paula", "jardim")
    assert house.kinds(opv) == ["opv.created", "opv.captured", "opv.assigned"]
    assert {e.actor for e in house.rows("history_entries")} == {"person:bia"}
    (card,) = house.captures()
    assert (card.source, card.channel, card.submission_id, card.delivery_id) == ("manual", "", None, None)
    assert json.loads(card.details)["by"] == "bia"
    assert not house.rows("distribution_work")
    assert enter(house, "bia") == opv
    assert len(house.captures()) == 2
    with pytest.raises(Reject) as refused:
        enter(house, "ana")
    assert refused.value.reason == "already_served"
    assert len(house.captures()) == 2


def test_a_lead_typed_by_a_director_is_distributed(start: Start) -> None:
    house = start()
    opv = enter(house, "rui")
    house.run()
    assert (house.opvs()[0].broker, house.kinds(opv)[-1]) == ("ana", "opv.assigned")


def test_registrations_refused(start: Start) -> None:
    house = start()
    enter(house, "rui")
    before = everything(house)
    other = [SentPhone(value="11 98000-0002")]
    for person, broker, fields, reason in (
        ("ana", None, {}, "already_waiting"),
        ("ana", "bia", {"phones": other}, "not_allowed"),
        ("marta", "bia", {"phones": other}, "not_allowed"),
        ("rui", "paula", {"phones": other}, "unknown_broker"),
        ("rui", None, {"phones": [SentPhone(value="nada")]}, "no_contact"),
        ("rui", None, {"phones": other, "development": "Atlântida"}, "unknown_development"),
    ):
        with pytest.raises(Reject) as refused:
            enter(house, person, broker, **fields)
        assert (refused.value.reason, everything(house) == before) == (reason, True)

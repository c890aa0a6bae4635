"""The funnel's rules: in plain Python, and as moves are held to them, by people and automations alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from opv.actions import contact, move_stage
from opv.funnel import Held, check_move, lacking
from opv.house import House, build_house
from opv.pending_items import add_item, end_item
from schemas.config import Configuration
from schemas.errors import Reject
from tests.opv.clients.people import company, details, person
from tests.opv.test_actions import do, everything
from tests.pipeline import HOUSE, NOW, Pipeline, Start, counted, lead

ALL = [
    "name", "phone", "email", "document", "development", "broker", "first_contact", "clients_complete",
    "nothing_pending",
]  # fmt: skip
BARE = {"name": None, "phones": (), "emails": (), "document": None}


@dataclass
class Card:
    """An OPV as the rules see it."""

    stage: str = "new"
    funnel: str = "sales"
    development: str | None = None
    broker: str | None = None
    first_contact_at: datetime | None = None
    fields: str | None = None


def house_of(*, no_skip: bool = False, **visit: Any) -> House:
    stages = [{"key": key, "name": key} for key in ("new", "contacted", "visit", "proposal")]
    stages[2] |= visit
    return build_house(1, Configuration.model_validate({"funnel": {"no_skip": no_skip, "stages": stages}}), {})


def refusal(house: House, card: Card, stage: str, role: str | None = "broker", held: Held | None = None) -> Any:
    def ask() -> Held:
        assert held is not None, "nothing needs to be loaded"
        return held

    try:
        check_move(house, card, stage, role, ask)
    except Reject as error:
        return error.reason, error.status, error.detail
    return None


def test_what_is_lacking_is_named_one_by_one() -> None:
    nobody = Held([person(1, **BARE)], pending=2)
    assert lacking(ALL, Card(), nobody) == [
        "the client's name", "a phone of the client", "an e-mail of the client", "the client's CPF or CNPJ",
        "a development", "a broker", "a first contact with the client",
        "complete clients (buyer: name, document, contact)", "nothing pending (2 open)",
    ]  # fmt: skip
    whole = Held([person(1, emails=("a@example.com",))])
    assert lacking(ALL, Card(development="jardim", broker="ana", first_contact_at=NOW), whole) == []


def test_the_main_client_counts_and_each_incomplete_one_is_told_by_its_part() -> None:
    held = Held([company(2), person(1, "guarantor", details=details(marital_status=None))])
    assert lacking(["phone"], Card(), held) == []
    others = Held([person(2, **BARE), person(3)])
    assert lacking(["phone"], Card(), others) == ["a phone of the client"]  # of whose OPV it is, which nobody is here
    (told,) = lacking(["clients_complete"], Card(), held)
    assert told == "complete clients (buyer: representative; guarantor: marital status)"
    (told,) = lacking(["clients_complete"], Card(), Held([]))
    assert told == "complete clients (buyer)"
    assert "Exemplo" not in told  # names stay out: what an automation was refused for is kept


def test_nothing_is_asked_for_when_no_rule_needs_it() -> None:
    assert refusal(house_of(requires=["phone"]), Card(), "proposal") is None
    assert refusal(house_of(requires=["phone"]), Card("visit"), "new") is None


def test_no_skipping_forward_while_back_is_free() -> None:
    house = house_of(no_skip=True)
    assert refusal(house, Card(), "contacted") is None
    assert refusal(house, Card(), "proposal") == (
        "stage_skipped", 409, "no stage is skipped: contacted and visit comes before proposal",
    )  # fmt: skip
    assert refusal(house, Card("contacted"), "proposal", "director") == (
        "stage_skipped", 409, "no stage is skipped: visit comes before proposal",
    )  # fmt: skip
    assert refusal(house, Card("proposal"), "new") is None
    assert refusal(house, Card("a-stage-of-before"), "proposal") is None


@pytest.mark.parametrize(
    ("role", "free"),
    [("broker", False), ("presales", False), (None, False), ("manager", True), ("director", True)],
)
def test_managers_and_directors_alone_move_out_of_a_locked_stage(role: str | None, free: bool) -> None:
    found = refusal(house_of(locked=True), Card("visit"), "new", role)
    assert (found is None) == free
    if not free:
        assert found[:2] == ("stage_locked", 403)


def test_a_stage_says_where_an_opv_goes_from_it_and_what_it_must_have_to_go_on() -> None:
    house = house_of(allow=["new", "proposal"], leave_requires=["broker"])
    assert refusal(house, Card("visit"), "contacted") == (
        "stage_not_allowed", 409, "from visit an OPV goes to new or proposal",
    )  # fmt: skip
    bare = Held()
    assert refusal(house, Card("visit"), "proposal", held=bare) == (
        "stage_requires", 409, "leaving visit requires a broker",
    )  # fmt: skip
    assert refusal(house, Card("visit", broker="ana"), "proposal", held=bare) is None
    assert refusal(house, Card("visit"), "new") is None


def test_no_opv_enters_a_stage_out_of_use_and_no_skip_goes_past_it() -> None:
    house = house_of(no_skip=True, active=False)
    assert refusal(house, Card("contacted"), "visit", None) == (
        "stage_inactive", 409, "visit is not in use any more: no OPV is moved into it",
    )  # fmt: skip
    assert refusal(house, Card("contacted"), "proposal") is None
    assert refusal(house, Card("visit"), "proposal") is None
    assert refusal(house_of(hidden=True), Card(), "visit") is None


@pytest.mark.parametrize(
    ("role", "free"),
    [("broker", False), ("presales", False), (None, True), ("manager", True), ("director", True)],
)
def test_a_stage_says_who_moves_into_it_and_out_of_it(role: str | None, free: bool) -> None:
    house = house_of(move=["manager"])
    into, out = (refusal(house, Card(*way[:1]), way[1], role) for way in (("new", "visit"), ("visit", "new")))
    assert (into is None, out is None) == (free, free)
    assert free or into[:2] == out[:2] == ("stage_not_yours", 403)
    assert refusal(house, Card(), "proposal", role) is None


RULED = HOUSE.replace(
    "{key: contacted, name: Em atendimento}, {key: visit, name: Visita}",
    "{key: contacted, name: Em atendimento, requires: [broker, first_contact]}, "
    "{key: visit, name: Visita, requires: [document, clients_complete, nothing_pending], locked: true}",
).replace("funnel: {", "funnel: {no_skip: true, ")


def begun(start: Start, configuration: str = RULED, **fields: Any) -> tuple[Pipeline, Any]:
    house = start(configuration)
    house.deliver("site", lead(**fields))
    house.run()
    return house, house.opvs()[0].id


def test_a_move_is_held_to_the_rules_and_a_refusal_changes_nothing(start: Start) -> None:
    house, opv = begun(start)
    before = everything(house)
    for stage, reason, told in (
        ("visit", "stage_skipped", "contacted"),
        ("contacted", "stage_requires", "contacted requires a first contact with the client"),
    ):
        with pytest.raises(Reject, match=told) as refused:
            do(house, "ana", opv, lambda at, stage=stage: move_stage(at, stage))  # type: ignore[misc] # the loop's value, bound now
        assert (refused.value.reason, everything(house) == before) == (reason, True)
    do(house, "ana", opv, lambda at: contact(at, "call"))
    do(house, "ana", opv, lambda at: move_stage(at, "contacted"))
    items: list[Any] = []
    do(house, "ana", opv, lambda at: items.append(add_item(at, "pedir o RG", house.clock().replace(year=2027), None)))
    with pytest.raises(Reject) as refused:
        do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    assert refused.value.detail == (
        "visit requires the client's CPF or CNPJ, complete clients (buyer: document, address, birth date, "
        "marital status), nothing pending (1 open)"
    )
    (client,) = house.rows("clients")
    house.set("clients", {"document": "39053344705", "details": details().stored()}, id=client.id)
    do(house, "ana", opv, lambda at: end_item(at, items[0], "done"))
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    with pytest.raises(Reject) as refused:
        do(house, "ana", opv, lambda at: move_stage(at, "new"))
    assert refused.value.reason == "stage_locked"
    do(house, "paula", opv, lambda at: move_stage(at, "new"))
    assert house.opvs()[0].stage == "new"


def test_an_automation_is_held_to_them_too_and_its_run_says_so(start: Start) -> None:
    automations = "automations:\n  - {key: go, on: opv.assigned, do: [{advance: contacted}, {comment: Oi}]}\n"
    house, opv = begun(start, RULED + automations)
    (run,) = house.runs()
    assert run.result == "failed"
    assert house.steps_of(run.automation) == [{
        "action": "advance", "result": "failed", "reason": "stage_requires",
        "because": "contacted requires a first contact with the client",
    }]  # fmt: skip
    assert (house.opvs()[0].stage, house.kinds(opv)[-1]) == ("new", "opv.assigned")


def test_what_the_rules_ask_costs_the_same_however_many_opvs_a_batch_has(start: Start) -> None:
    automations = "automations:\n  - {key: go, on: opv.assigned, do: [{advance: visit}]}\n"
    house = start(RULED.replace("no_skip: true, ", "") + automations)
    costs = []
    for number in (2, 10):
        house.deliver_all([("site", lead(100 * number + i)) for i in range(number)])
        house.round("ingest")
        house.round("distribution")
        with counted(house.database) as statements:
            house.round("automation")
        costs.append(sum("involved_clients" in one or "pending_items" in one for one in statements))
    assert costs == [2, 2]
    assert len(house.runs("go")) == 12

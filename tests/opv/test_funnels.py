"""Several funnels: where OPVs begin, where they may go, and what automations and reports make of that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from opv.actions import move_stage, withdraw
from opv.funnel import Held, possible_moves
from opv.house import build_house
from opv.reports import funnel
from opv.undo import undo_move
from schemas.config import Configuration
from schemas.errors import Reject
from schemas.reports import FunnelFilters
from tests.opv.reports.known import seen_by
from tests.opv.test_actions import do, everything
from tests.opv.test_funnel import Card
from tests.pipeline import HOUSE, Pipeline, Start, lead

RENT = """
funnels:
  - key: rent
    name: Locação
    no_skip: true
    stages:
      - {key: asked, name: Pedido}
      - {key: shown, name: Mostrado, allow: [signed, visit]}
      - {key: signed, name: Assinado}
withdrawal_reasons: [{key: price, name: Preço}]
returning: {closed: reopen}
"""
TWO = HOUSE.replace("name: Mirante do Parque,", "name: Mirante do Parque, funnel: rent,") + RENT


def begun(start: Start, configuration: str = TWO) -> tuple[Pipeline, UUID]:
    """A house, and an OPV that is in the second funnel."""
    house = start(configuration)
    house.deliver("site", lead(1, empreendimento="mirante"))
    house.run()
    return house, house.opvs()[0].id


def move(house: Pipeline, opv: UUID, stage: str) -> None:
    do(house, "ana", opv, lambda at: move_stage(at, stage))


def refused(house: Pipeline, opv: UUID, stage: str) -> str:
    before = everything(house)
    with pytest.raises(Reject) as error:
        move(house, opv, stage)
    assert everything(house) == before
    return error.value.reason


def test_an_opv_begins_in_the_funnel_of_its_development(start: Start) -> None:
    house, _ = begun(start)
    house.deliver("site", lead(2, empreendimento="jardim"))
    house.deliver("site", lead(3))
    house.run()
    assert [(one.funnel, one.stage) for one in house.opvs()] == [("rent", "asked"), ("sales", "new"), ("sales", "new")]


def test_it_stays_in_its_funnel_unless_a_stage_leads_out(start: Start) -> None:
    house, opv = begun(start)
    assert refused(house, opv, "contacted") == "other_funnel"
    assert refused(house, opv, "signed") == "stage_skipped"
    move(house, opv, "shown")
    assert refused(house, opv, "new") == "other_funnel"
    move(house, opv, "visit")
    assert house.history(opv)[-1] == ("stage.changed", {"from": "shown", "to": "visit", "funnel": "sales"})
    assert (house.opvs()[0].funnel, house.opvs()[0].stage) == ("sales", "visit")
    assert refused(house, opv, "shown") == "other_funnel"
    do(house, "ana", opv, undo_move)
    assert (house.opvs()[0].funnel, house.opvs()[0].stage) == ("rent", "shown")


def test_a_client_who_comes_back_begins_anew_in_that_funnel(start: Start) -> None:
    house, opv = begun(start)
    move(house, opv, "shown")
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    house.deliver("site", lead(1, id="again", empreendimento="mirante"))
    house.run()
    (row,) = house.opvs()
    assert (row.status, row.funnel, row.stage) == ("open", "rent", "asked")


def test_an_automation_advances_within_the_funnel_alone(start: Start) -> None:
    house, _ = begun(start, TWO + "automations: [{key: go, on: opv.assigned, do: [{advance: visit}]}]\n")
    (run,) = house.runs("go")
    assert (run.result, house.steps_of("go")) == ("done", [
        {"action": "advance", "result": "skipped", "reason": "other_funnel",
         "because": "visit is not in the OPV's funnel, rent"},
    ])  # fmt: skip
    assert house.opvs()[0].stage == "asked"


def test_the_report_is_of_one_funnel(start: Start) -> None:
    house, opv = begun(start)
    house.deliver("site", lead(2))
    house.run()
    move(house, opv, "shown")

    def reached(**filters: Any) -> list[tuple[str, int]]:
        with house.database.read() as tx:
            found = funnel(tx, house.house(), seen_by(house, "rui"), FunnelFilters.model_validate(filters))
        return [(one.key, one.reached) for one in found]

    assert reached() == [("new", 1), ("contacted", 0), ("visit", 0), ("won", 0)]
    assert reached(funnel="rent") == [("asked", 1), ("shown", 1), ("signed", 0), ("won", 0)]
    with pytest.raises(Reject, match="there is: sales, rent"):
        reached(funnel="x")


def test_a_person_is_offered_what_the_rules_let_pass_and_told_what_is_lacking() -> None:
    stages = [
        {"key": "new", "name": "new", "leave_requires": ["broker"]},
        {"key": "visit", "name": "visit", "requires": ["broker", "development"]},
        {"key": "signed", "name": "signed", "move": ["manager"]},
        {"key": "secret", "name": "secret", "hidden": True},
        {"key": "old", "name": "old", "active": False},
    ]
    other = {"key": "rent", "stages": [{"key": "asked", "name": "asked"}]}
    house = build_house(1, Configuration.model_validate({"funnel": {"stages": stages}, "funnels": [other]}), {})

    def offered(card: Card, role: str) -> dict[str, Any]:
        return {stage.key: list(lacks) for stage, lacks in possible_moves(house, card, role, Held)}

    assert offered(Card(), "broker") == {"visit": ["a broker", "a development"]}
    assert offered(Card(broker="ana", development="x"), "manager") == {"visit": [], "signed": []}
    assert offered(Card("visit"), "broker") == {"new": []}
    assert offered(Card("gone"), "manager").keys() == {"new", "visit", "signed"}
    assert offered(Card("gone", "gone"), "manager").keys() == {"new", "visit", "signed", "asked"}

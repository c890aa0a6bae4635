"""Statuses within stages: had on entering, changed by people and automations, taken back with the move."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from opv.actions import change_stage, contact, move_stage, set_status, withdraw
from opv.undo import undo_move
from schemas.errors import Reject
from tests.opv.test_actions import do, everything
from tests.pipeline import HOUSE, Pipeline, Start, lead

STATUSES = HOUSE.replace(
    "{key: new, name: Novo}",
    "{key: new, name: Novo, statuses: [{key: first, name: Fresco}, {key: tried, name: Tentado}]}",
).replace(
    "{key: visit, name: Visita}",
    "{key: visit, name: Visita, move: [manager], statuses: "
    "[{key: wished, name: Pedida, active: false}, {key: agreed, name: Marcada}, {key: done, name: Feita}]}",
)
RULES = """
withdrawal_reasons: [{key: price, name: Preço}]
automations:
  - {key: call, on: {changed: status, to: done}, do: [{comment: Marcada}]}
  - {key: try, on: contact.added, do: [{status: tried}]}
"""


def begun(start: Start) -> tuple[Pipeline, UUID]:
    house = start(STATUSES + RULES)
    house.deliver("site", lead())
    house.run()
    return house, house.opvs()[0].id


def where(house: Pipeline) -> tuple[str, str | None]:
    (row,) = house.opvs()
    return row.stage, row.stage_status


def refused(house: Pipeline, opv: UUID, person: str, deed: Any) -> tuple[str, int]:
    before = everything(house)
    with pytest.raises(Reject) as error:
        do(house, person, opv, deed)
    assert everything(house) == before
    return error.value.reason, error.value.status


def test_entering_a_stage_gives_its_first_active_status_or_the_one_that_is_named(start: Start) -> None:
    house, opv = begun(start)
    assert where(house) == ("new", "first")
    do(house, "paula", opv, lambda at: move_stage(at, "visit"))
    assert where(house) == ("visit", "agreed")
    assert house.history(opv)[-1] == (
        "stage.changed", {"from": "new", "to": "visit", "from_status": "first", "status": "agreed"},
    )  # fmt: skip
    do(house, "paula", opv, lambda at: move_stage(at, "contacted"))
    assert where(house) == ("contacted", None)
    do(house, "paula", opv, lambda at: change_stage(at, "visit", "done"))
    assert where(house) == ("visit", "done")


def test_a_status_changes_within_the_stage_and_automations_hear_it(start: Start) -> None:
    house, opv = begun(start)
    do(house, "paula", opv, lambda at: move_stage(at, "visit"))
    seq = house.opvs()[0].stage_seq
    do(house, "paula", opv, lambda at: change_stage(at, None, "done"))
    assert house.history(opv)[-1] == ("status.changed", {"stage": "visit", "from": "agreed", "to": "done"})
    assert house.opvs()[0].stage_seq == seq  # the time in the stage goes on
    house.run("automation")
    assert [run.automation for run in house.runs()] == ["call"]


def test_what_is_refused_changes_nothing(start: Start) -> None:
    house, opv = begun(start)
    assert refused(house, opv, "ana", lambda at: set_status(at, "done")) == ("unknown_status", 422)
    assert refused(house, opv, "ana", lambda at: set_status(at, "first")) == ("same_status", 409)
    assert refused(house, opv, "ana", lambda at: change_stage(at, None, None)) == ("nothing_named", 422)
    assert refused(house, opv, "paula", lambda at: move_stage(at, "visit", "tried")) == ("unknown_status", 422)
    assert refused(house, opv, "paula", lambda at: move_stage(at, "visit", "wished")) == ("status_inactive", 409)
    do(house, "paula", opv, lambda at: move_stage(at, "visit"))
    assert refused(house, opv, "ana", lambda at: set_status(at, "done")) == ("stage_not_yours", 403)
    assert refused(house, opv, "paula", lambda at: set_status(at, "wished")) == ("status_inactive", 409)
    do(house, "paula", opv, lambda at: withdraw(at, "price"))
    assert refused(house, opv, "paula", lambda at: set_status(at, "done")) == ("opv_closed", 409)


def test_an_undo_gives_the_status_back(start: Start) -> None:
    house, opv = begun(start)
    do(house, "paula", opv, lambda at: set_status(at, "tried"))
    do(house, "paula", opv, lambda at: move_stage(at, "visit"))
    do(house, "paula", opv, lambda at: set_status(at, "done"))
    do(house, "paula", opv, undo_move)
    assert where(house) == ("new", "tried")


def test_an_automation_gives_a_status_of_the_stage_and_is_content_when_it_is_there(start: Start) -> None:
    house, opv = begun(start)
    for _ in range(2):
        do(house, "ana", opv, lambda at: contact(at, "call"))
        house.run("automation")
    assert where(house) == ("new", "tried")
    assert ("status.changed", {"stage": "new", "from": "first", "to": "tried", "automation": "try"}) in house.history(
        opv
    )
    steps = [json.loads(run.steps)[0] for run in house.runs("try")]
    assert [(step["result"], step.get("reason")) for step in steps] == [("done", None), ("skipped", "already_there")]
    do(house, "paula", opv, lambda at: move_stage(at, "contacted"))
    do(house, "ana", opv, lambda at: contact(at, "call"))
    house.run("automation")
    assert house.runs("try")[-1].because == "status: contacted has no status tried; there is: none"

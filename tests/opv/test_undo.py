"""Taking back a move: within a minute, by who made it, as if it had not been."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from opv.actions import move_stage, reopen, withdraw
from opv.undo import undo_move
from schemas.errors import Reject
from tests.opv.test_actions import do, everything
from tests.pipeline import HOUSE, Pipeline, Start, lead

RULES = """
withdrawal_reasons: [{key: price, name: Preço}]
automations:
  - {key: quiet, on: {in_stage: new, for: 2 hours}, do: [{comment: parado}]}
  - {key: arrived, on: stage.changed, do: [{comment: chegou}]}
  - {key: dull, on: {in_stage: contacted, for: 1 hour}, do: [{comment: cansou}]}
"""


def served(start: Start) -> tuple[Pipeline, UUID]:
    house = start(HOUSE + RULES)
    house.deliver("site", lead())
    house.run()
    return house, house.opvs()[0].id


def move(house: Pipeline, opv: UUID, stage: str, person: str = "ana") -> None:
    do(house, person, opv, lambda at: move_stage(at, stage))


def refused(house: Pipeline, opv: UUID, person: str = "ana") -> str:
    before = everything(house)
    with pytest.raises(Reject) as error:
        do(house, person, opv, undo_move)
    assert everything(house) == before
    return error.value.reason


def comments(house: Pipeline) -> list[Any]:
    return [json.loads(row.content)["text"] for row in house.rows("history_contents") if "text" in row.content]


def test_a_move_is_taken_back(start: Start) -> None:
    house, opv = served(start)
    move(house, opv, "visit")
    house.clock.forward(seconds=60)
    assert do(house, "ana", opv, undo_move) == set()
    row = house.opvs()[0]
    assert (row.stage, row.stage_seq) == ("new", 1)
    assert house.history(opv)[-1] == (
        "stage.changed", {"from": "visit", "to": "new", "undo": True, "of": row.history_seq - 1, "since": 1},
    )  # fmt: skip
    house.run()
    assert comments(house) == []  # neither the move nor the way back was heard
    assert refused(house, opv) == "nothing_to_undo"


def test_only_who_made_the_last_move_within_a_minute(start: Start) -> None:
    house, opv = served(start)
    assert refused(house, opv) == "nothing_to_undo"
    move(house, opv, "visit")
    assert refused(house, opv, "paula") == "not_your_move"
    assert refused(house, opv, "bia") == "unknown_opv"
    house.clock.forward(seconds=60.5)
    assert refused(house, opv) == "undo_too_late"
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    assert refused(house, opv) == "opv_closed"
    do(house, "ana", opv, reopen)
    assert refused(house, opv) == "nothing_to_undo"


def test_one_who_moved_it_on_meanwhile_ends_it(start: Start) -> None:
    house, opv = served(start)
    move(house, opv, "contacted")
    move(house, opv, "visit", "paula")
    assert refused(house, opv) == "not_your_move"
    do(house, "paula", opv, undo_move)
    assert house.opvs()[0].stage == "contacted"
    assert refused(house, opv) == "nothing_to_undo"  # a second undo takes back no second move


def test_what_automations_did_on_the_move_stays(start: Start) -> None:
    house, opv = served(start)
    move(house, opv, "visit")
    house.run()
    do(house, "ana", opv, undo_move)
    house.run()
    assert comments(house) == ["chegou"]
    move(house, opv, "contacted")
    house.run()
    assert comments(house) == ["chegou", "chegou"]


def test_the_time_in_the_stage_goes_on_as_if_it_had_not_been_left(start: Start) -> None:
    house, opv = served(start)
    house.clock.forward(hours=1)
    for stage in ("visit", "contacted"):  # back twice: the second time over an undo
        move(house, opv, stage)
        do(house, "ana", opv, undo_move)
    house.clock.forward(minutes=59)
    house.run()
    assert comments(house) == []
    house.clock.forward(minutes=1)
    house.run()
    assert comments(house) == ["parado"]
    assert [run.occurrence for run in house.runs("quiet")] == ["timer:1"]
    house.clock.forward(hours=1)
    house.run()
    assert not house.runs("dull")
    assert house.rows("timers") == []


def test_a_time_that_came_while_it_was_elsewhere_comes_on_the_return_once(start: Start) -> None:
    house, opv = served(start)
    house.clock.forward(hours=1, minutes=59, seconds=40)
    move(house, opv, "visit")
    house.clock.forward(seconds=30)
    house.run("automation")
    assert (comments(house), house.rows("timers")) == (["chegou"], [])
    do(house, "ana", opv, undo_move)
    house.run("automation")
    assert comments(house) == ["chegou", "parado"]
    move(house, opv, "visit")
    do(house, "ana", opv, undo_move)
    house.run("automation")
    assert comments(house) == ["chegou", "parado"]  # what has run for this stay does not run again


def test_no_rule_stands_against_it(start: Start) -> None:
    house, opv = served(start)
    house.apply(
        (HOUSE + RULES)
        .replace("{key: visit, name: Visita}", "{key: visit, name: Visita, locked: true}")
        .replace("{key: new, name: Novo}", "{key: new, name: Novo, requires: [document]}")
    )
    move(house, opv, "visit")
    do(house, "ana", opv, undo_move)
    assert house.opvs()[0].stage == "new"

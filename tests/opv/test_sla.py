"""Stages with an SLA: a warning, once a stay, to who serves the OPV and to the manager."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from opv import history
from opv.actions import move_stage, reopen, withdraw
from opv.undo import undo_move
from tests.opv.test_actions import do
from tests.opv.test_notices import PEOPLE, TOLD, Post
from tests.pipeline import Pipeline, Start, lead

SLA = PEOPLE.replace("{key: new, name: Novo}", "{key: new, name: Novo, sla: {warn: 1 business day}}") + TOLD.replace(
    "returned: [mail]", "sla: [mail]"
)
REASONS = "withdrawal_reasons: [{key: price, name: Preço}]\n"


def begun(start: Start, configuration: str = SLA) -> tuple[Pipeline, Post, Any]:
    post = Post()
    house = start(configuration, targets={post.slug: post})
    house.deliver("site", lead(empreendimento="Residencial Jardim"))
    house.run()
    return house, post, house.opvs()[0].id


def warned(house: Pipeline, opv: Any) -> list[Any]:
    return [json.loads(one.data) for one in house.rows("history_entries") if one.kind == history.SLA_WARNED]


def test_who_serves_an_opv_that_stays_too_long_is_told_once_with_its_manager(start: Start) -> None:
    house, post, opv = begun(start)
    house.clock.forward(days=1, seconds=-1)
    house.run()
    assert not warned(house, opv)
    house.clock.forward(seconds=1)
    house.run()
    house.run()
    assert warned(house, opv) == [{"stage": "new", "since": 1}]
    told = post.notices(history.SLA_WARNED)
    number = house.opvs()[0].number
    assert {key: (one.subject, one.text) for key, one in told.items()} == dict.fromkeys(
        ("ana", "paula"),
        (
            f"OPV {number} (Residencial Jardim): parada em Novo",
            f"OPV {number} (Residencial Jardim) está há tempo demais na etapa Novo.",
        ),
    )
    assert [(run.occurrence, run.result) for run in house.runs("sla:new")] == [("timer:1", "done")]


def test_the_weekend_does_not_count_and_what_moved_on_is_left_alone(start_on_sqlite: Start) -> None:
    house, post, opv = begun(start_on_sqlite)
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    house.clock.forward(days=4)  # Friday
    do(house, "ana", opv, lambda at: move_stage(at, "new"))
    house.clock.forward(days=3, seconds=-1)
    house.run()
    assert not warned(house, opv)
    house.clock.forward(seconds=1)
    house.run()
    assert len(warned(house, opv)) == 1
    assert len(post.notices(history.SLA_WARNED)) == 2


def test_a_warning_that_waits_is_not_sent_when_the_opv_has_moved_on(start_on_sqlite: Start) -> None:
    house, post, opv = begun(start_on_sqlite)
    house.clock.forward(days=1)
    house.round("automation", 1)
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    house.run()
    assert not post.notices(history.SLA_WARNED)
    assert {row.reason for row in house.rows("outbound_messages") if history.SLA_WARNED in row.body} == {"moved_on"}


@pytest.mark.parametrize("late", [False, True])
def test_a_move_taken_back_goes_on_counting_and_does_not_warn_twice(start_on_sqlite: Start, late: bool) -> None:
    house, _, opv = begun(start_on_sqlite)
    house.clock.forward(days=1, minutes=1 if late else -1)
    house.run()
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    do(house, "ana", opv, undo_move)
    house.clock.now += timedelta(minutes=1)
    house.run()
    assert len(warned(house, opv)) == 1


def test_a_stay_that_begins_anew_warns_anew(start_on_sqlite: Start) -> None:
    house, _, opv = begun(start_on_sqlite, SLA + REASONS)
    house.clock.forward(days=1)
    house.run()
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    house.clock.forward(days=2)
    house.run()
    do(house, "ana", opv, reopen)
    house.clock.forward(days=1)
    house.run()
    assert len(warned(house, opv)) == 2

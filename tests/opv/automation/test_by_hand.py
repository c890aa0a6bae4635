"""What people do to automations: pauses, runs by hand, runs that are tried again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from db.queries import automations as stored
from opv.access import Viewer
from opv.actions import move_stage
from opv.automation import by_hand
from opv.automation.actions.doing import Doing
from opv.automation.actions.registry import PERFORM
from opv.by_people import act
from schemas.config import Advance, Comment
from schemas.config.values import Part
from schemas.errors import Reject
from tests.opv.test_automation import automated, send
from tests.pipeline import Pipeline, Start

RUI, PAULA = Viewer("rui", "director"), Viewer("paula", "manager")
GREET = "{key: greet, on: opv.created, when: {stage: new}, do: [{comment: Oi}, {advance: contacted}]}"


def paused(house: Pipeline, key: str = "greet") -> None:
    with house.database.write() as tx:
        by_hand.pause(tx, house.house(), RUI, house.clock(), key, "texto errado")


def resumed(house: Pipeline, key: str = "greet", *, missed: bool = False) -> int:
    total, after = 0, None
    with house.database.write() as tx:
        by_hand.resume(tx, house.house(), RUI, key)
    while missed:
        with house.database.write() as tx:
            count, after = by_hand.resume_missed(tx, house.house(), RUI, house.clock(), key, after)
        total, missed = total + count, after is not None
    house.run()
    return total


def retried(house: Pipeline, run: UUID) -> str:
    with house.database.write() as tx:
        ran = by_hand.retry(tx, house.house(), RUI, house.clock(), run)
    house.run()
    (result,) = ran.results
    return result


def stand_in(monkeypatch: pytest.MonkeyPatch, action: type[Part], do: Callable[..., object]) -> None:
    performed: dict[type[Part], Any] = {**PERFORM, action: do}
    monkeypatch.setattr("opv.automation.run.PERFORM", performed)


def results(house: Pipeline) -> list[str]:
    return [run.result for run in house.runs()]


def refusal(house: Pipeline, run: UUID, viewer: Viewer = RUI) -> str:
    with house.database.write() as tx, pytest.raises(Reject) as refused:
        by_hand.retry(tx, house.house(), viewer, house.clock(), run)
    return refused.value.reason


def test_what_is_missed_in_a_pause_is_kept_and_done_if_its_condition_still_holds(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "CHUNK", 2)
    house = start(automated(GREET))
    paused(house)
    for number in range(4):
        send(house, number)
    assert results(house) == ["paused"] * 4
    assert [opv.stage for opv in house.opvs()] == ["new"] * 4
    (state,) = house.rows("automation_states")
    assert (state.paused_by, state.paused_at, state.because) == ("rui", house.clock(), "texto errado")
    house.set("opportunities", {"stage": "visit"}, number=2)
    assert resumed(house, missed=True) == 4
    assert results(house) == ["done", "ended", "done", "done"]
    assert house.runs()[1].because == "stage is 'visit', not 'new'"
    assert [opv.stage for opv in house.opvs()] == ["contacted", "visit", "contacted", "contacted"]
    assert house.rows("automation_states")[0].paused_at is None


def test_what_is_missed_stays_listed_and_is_tried_one_by_one(start: Start) -> None:
    house = start(automated(GREET))
    paused(house)
    send(house, 1)
    send(house, 2)
    assert resumed(house) == 0
    send(house, 3)
    assert results(house) == ["paused", "paused", "done"]
    first, _, last = house.runs()
    assert retried(house, first.id) == "done"
    assert [step["action"] for step in house.steps_of("greet")] == ["retry", "comment", "advance"]
    assert house.steps_of("greet")[0]["by"] == "rui"
    assert refusal(house, last.id) == "not_failed"
    assert refusal(house, house.runs()[1].id, PAULA) == "not_allowed"


def test_missed_runs_keep_to_the_rate_and_a_wait_at_their_begin_is_waited(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(
        automated(
            "{key: greet, on: opv.created, rate: {max: 1, per: 1 hour}, do: [{wait: 30 minutes}, {advance: contacted}]}"
        )
    )
    paused(house)
    for number in range(3):
        send(house, number)
    assert resumed(house, missed=True) == 3
    stages = []
    for _ in range(6):
        house.clock.forward(minutes=30)
        house.run()
        stages.append([opv.stage for opv in house.opvs()].count("contacted"))
    assert stages == [1, 1, 2, 2, 3, 3]


def test_a_run_that_waits_is_paused_when_due_and_ends_if_a_person_moved_the_opv_meanwhile(start: Start) -> None:
    house = start(automated("{key: later, on: opv.created, do: [{wait: 1 hour}, {comment: Oi}]}"))
    send(house, 1)
    send(house, 2)
    moved = house.opvs()[0]
    with house.database.write() as tx:
        act(tx, house.house(), RUI, house.clock(), str(moved.number), lambda at: move_stage(at, "visit"))
    paused(house, "later")
    house.clock.forward(hours=1)
    house.run()
    assert results(house) == ["paused", "paused"]
    assert resumed(house, "later", missed=True) == 2
    assert results(house) == ["ended", "done"]
    assert house.runs()[0].because == "a person moved the OPV meanwhile"


def test_a_run_by_hand_tests_the_condition_and_works_in_a_pause(start: Start) -> None:
    house = start(automated(GREET, "{key: off, on: opv.created, do: [{comment: Oi}], active: false}"))
    paused(house)
    send(house)
    (opv,) = house.opvs()

    def run(key: str, opv: object = opv.number, viewer: Viewer = RUI) -> str:
        with house.database.write() as tx:
            ran = by_hand.run(tx, house.house(), viewer, house.clock(), key, str(opv))
        return next(iter(ran.results))

    assert run("greet") == "done"
    assert run("greet") == "not_met"
    _, by_rui, _ = house.runs()
    assert (by_rui.trigger, by_rui.asked_by, by_rui.occurrence[:5]) == ("hand", "rui", "hand:")
    assert house.opvs()[0].stage == "contacted"
    with house.database.read() as tx:
        told = stored.run(tx, by_rui.id)
    assert told is not None
    assert [(entry.seq, entry.kind) for entry in told.entries] == [(4, "comment.added"), (5, "stage.changed")]
    for arguments, reason in (
        (("nothing",), "unknown_automation"), (("off",), "automation_inactive"), (("greet", 77), "unknown_opv"),
        (("greet", 1, PAULA), "not_allowed"),
    ):  # fmt: skip
        with pytest.raises(Reject) as refused:
            run(*arguments)
        assert refused.value.reason == reason


def test_a_failed_run_goes_on_from_the_action_that_failed_with_the_same_keys(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = start(
        automated("{key: tell, on: opv.created, do: [{comment: Oi}, {advance: contacted}, {comment: Tchau}]}")
    )
    keys: list[str] = []
    working, broken = PERFORM[Advance], [True]

    def advance(action: Advance, at: Doing) -> dict[str, object]:
        keys.append(at.key())
        if broken[0]:
            raise Reject("stage_locked", "new is locked", 403)
        return working(action, at)

    stand_in(monkeypatch, Advance, advance)
    send(house, 1)
    send(house, 2)
    assert results(house) == ["failed", "failed"]
    assert retried(house, house.runs()[0].id) == "failed"
    broken[0] = False
    assert retried(house, house.runs()[0].id) == "done"
    assert len({key for key in keys if str(house.opvs()[0].id) in key}) == 1
    assert [(step["action"], step["result"]) for step in house.steps_of("tell")] == [
        ("comment", "done"), ("advance", "failed"), ("retry", "done"), ("advance", "failed"), ("retry", "done"),
        ("advance", "done"), ("comment", "done"),
    ]  # fmt: skip
    assert house.kinds(house.opvs()[0].id).count("comment.added") == 2
    times = [step["at"] for step in json.loads(house.runs()[0].steps)]
    assert times == sorted(times)
    with house.database.write() as tx:
        ids = stored.failed_ids(tx, "tell", house.clock())
        ran = by_hand.retry_some(tx, house.house(), RUI, house.clock(), "tell", ids)
    assert ran.results == {"done": 1}
    assert results(house) == ["done", "done"]
    assert house.rows("automation_states")[0].failures == 0


def test_a_bug_at_a_retry_fails_that_run_alone(start_on_sqlite: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    house = start_on_sqlite(automated("{key: tell, on: opv.created, do: [{comment: Oi}]}"))
    working, whom = PERFORM[Comment], [1, 2]

    def comment(action: Comment, at: Doing) -> dict[str, object]:
        if at.opv.number in whom:
            raise RuntimeError("bug")
        return working(action, at)

    stand_in(monkeypatch, Comment, comment)
    send(house, 1)
    send(house, 2)
    whom.remove(2)
    with house.database.write() as tx:
        ids = [run.id for run in house.runs()]
        ran = by_hand.retry_some(tx, house.house(), RUI, house.clock(), "tell", ids)
    assert ran.results == {"failed": 1, "done": 1}
    assert results(house) == ["failed", "done"]

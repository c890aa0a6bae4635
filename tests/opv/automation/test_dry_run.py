"""What automations would do, now and in the past, without writing anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from opv.access import Viewer
from opv.actions import move_stage, withdraw
from opv.automation import by_hand
from opv.automation.backtest import backtest
from opv.automation.dry_run import dry_run
from opv.by_people import act
from schemas.automations import Backtest, DryRun
from schemas.errors import Reject
from tests.opv.test_automation import send
from tests.opv.test_triggers import automated
from tests.pipeline import NOW, TABLES, Pipeline, Start

RUI = Viewer("rui", "director")


def everything(house: Pipeline) -> dict[str, list[Any]]:
    return {table: house.rows(table) for table in TABLES}


def tried(house: Pipeline, key: str, opv: int = 1) -> DryRun:
    before = everything(house)
    with house.database.write() as tx:
        found = dry_run(tx, house.house(), RUI, house.clock(), key, str(opv))
    assert everything(house) == before
    return found


def past(house: Pipeline, key: str, since: timedelta = timedelta(days=30), most: int | None = None) -> Backtest:
    before = everything(house)
    with house.database.write() as tx:
        found = backtest(tx, house.house(), RUI, key, house.clock() - since, house.clock(), most=most)
    assert everything(house) == before
    return found


def by(house: Pipeline, number: int, deed: Callable[[Any], object]) -> None:
    with house.database.write() as tx:
        act(tx, house.house(), RUI, house.clock(), str(number), deed)


def test_a_dry_run_says_what_each_action_would_do_and_changes_nothing(start: Start) -> None:
    house = start(
        automated(
            "{key: all, on: {called: true}, when: {source: form}, rate: {max: 1, per: 1 hour}, do: [{comment: Oi}, "
            "{notify: broker}, {wait: 1 day}, {branch: {if: {stage: new}, then: [{advance: contacted}]}}, "
            "{advance: contacted}, {assign: bia}, redistribute, {run: other}, {withdraw: {reason: price}}, "
            "{move: visit}, stop, {comment: Nunca}]}",
            "{key: other, on: {called: true}, do: [{comment: Outra}]}",
            "{key: never, on: {called: true}, when: {source: grupo_olx}, do: [{comment: Oi}]}",
            "{key: refused, on: {called: true}, do: [{comment: Oi}, {move: visit}, {comment: Tchau}]}",
        ).replace("{key: visit, name: Visita}", "{key: visit, name: Visita, requires: [first_contact]}")
    )
    send(house)
    for _ in range(2):
        found = tried(house, "all")
        assert (found.holds, found.result, found.left, found.paused) == (True, "done", [], False)
        assert [(step["action"], step["result"], step.get("reason")) for step in found.steps] == [
            ("comment", "done", None), ("notify", "done", None), ("wait", "waiting", None), ("branch", "done", None),
            ("advance", "done", None), ("advance", "skipped", "already_there"), ("assign", "done", None),
            ("redistribute", "done", None), ("run", "done", None), ("withdraw", "done", None),
            ("move", "skipped", "opv_closed"), ("stop", "done", None),
        ]  # fmt: skip
    found = tried(house, "never")
    assert (found.holds, found.because, found.steps) == (False, "source is 'form', not 'grupo_olx'", [])
    found = tried(house, "refused")
    assert (found.result, found.because) == ("failed", "move: visit requires a first contact with the client")
    assert found.left == [{"move": "visit"}, {"comment": "Tchau"}]
    with house.database.write() as tx:
        by_hand.pause(tx, house.house(), RUI, house.clock(), "all", "prova")
    assert tried(house, "all").paused


def test_the_past_is_told_event_by_event_as_of_then(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opv.automation.backtest.CHUNK", 2)
    house = start(
        automated(
            "{key: paid, on: opv.captured, when: {utm.source: google, stage: new}, do: [{move: visit}, {notify: ana}]}",
            "{key: anas, on: opv.assigned, when: {any: [{broker: ana}, {manager: marta}]}, do: [{comment: Oi}]}",
            "{key: who, on: opv.created, when: {manager: marta}, do: [{comment: Oi}]}",
            "{key: mute, on: {without: contact, for: 1 day}, do: [{comment: Oi}]}",
        ).replace("{key: visit, name: Visita}", "{key: visit, name: Visita, requires: [first_contact]}")
    )
    house.set("automation_states", {"paused_at": NOW, "paused_by": "rui"})
    for number in range(5):
        send(house, number, utm_source="google" if number < 4 else "meta")
    house.clock.forward(days=1)
    by(house, 1, lambda at: move_stage(at, "contacted"))
    send(house, 0, id="again", utm_source="google")
    house.clock.forward(minutes=1)
    found = past(house, "paid")
    assert (found.fired, found.held, found.not_met) == (6, 4, {"utm.source": 1, "stage": 1})
    assert found.results == {"failed": 4}
    assert [one.model_dump() for one in found.actions] == [
        {"action": "move", "done": 0, "skipped": {}, "failed": {"stage_requires": 4}}
    ]
    assert next((one.number, one.at, one.steps) for one in found.samples) == (
        4, NOW, ["move failed stage_requires"],
    )  # fmt: skip
    assert past(house, "paid", timedelta(hours=1)).fired == 1
    with pytest.raises(Reject, match="more than 3 times"):
        past(house, "paid", most=3)
    found = past(house, "anas")
    assert (found.fired, found.held, found.as_of_now) == (5, 3, [])
    found = past(house, "who")
    assert (found.not_met, found.as_of_now) == ({"manager": 5}, ["manager"])
    with pytest.raises(Reject, match="sem contato há 1 day"):
        past(house, "mute")


def test_stays_that_lasted_long_enough_are_told(start: Start) -> None:
    house = start(
        automated("{key: quiet, on: {in_stage: new, for: 2 days}, when: {source: form}, do: [{advance: contacted}]}")
    )
    house.set("automation_states", {"paused_at": NOW, "paused_by": "rui"})
    for number in range(4):
        send(house, number)
    house.clock.forward(days=1)
    by(house, 1, lambda at: move_stage(at, "visit"))  # too soon
    by(house, 2, lambda at: withdraw(at, "price"))
    house.clock.forward(days=1, hours=1)
    house.run()
    by(house, 3, lambda at: move_stage(at, "visit"))
    by(house, 1, lambda at: move_stage(at, "new"))  # and there again
    house.clock.forward(days=3)
    found = past(house, "quiet")
    assert (found.fired, found.held, found.results) == (3, 3, {"done": 3})
    assert {(one.number, one.at - NOW) for one in found.samples} == {
        (3, timedelta(days=2)), (4, timedelta(days=2)), (1, timedelta(days=4, hours=1)),
    }  # fmt: skip
    assert past(house, "quiet", timedelta(days=2)).fired == 1

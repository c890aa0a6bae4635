"""Loops that are cut, automations that pause themselves, rates; and what is told of them."""

from __future__ import annotations

from collections import Counter

import pytest

from opv.access import Viewer
from opv.automation import by_hand
from tests.opv.channels.test_health import open_alarms
from tests.opv.test_automation import automated, send
from tests.pipeline import Pipeline, Start

PING = "{key: ping, on: {changed: stage, to: contacted}, do: [{move: visit}]}"
PONG = "{key: pong, on: {changed: stage, to: visit}, do: [{move: contacted}]}"


def upkeep(house: Pipeline, **span: float) -> dict[str, str]:
    house.clock.forward(**(span or {"minutes": 1, "seconds": 30}))
    house.run("upkeep")
    return open_alarms(house)


def test_two_automations_that_undo_each_other_are_cut_and_named(start: Start) -> None:
    house = start(automated(PING, PONG, "{key: begin, on: opv.created, do: [{advance: contacted}]}"))
    send(house)
    assert Counter(run.result for run in house.runs()) == {"done": 10, "cut": 1}
    (cut,) = [run for run in house.runs() if run.result == "cut"]
    assert cut.because == "loop: ping → pong → ping → pong"
    named = {f"loop:{cut.automation}": f"automation {cut.automation} was cut, {cut.because}"}
    assert open_alarms(house) == named, "at once"
    assert upkeep(house) == named
    assert {row.recipient for row in house.rows("outbound_messages", kind="alarm")} == {"rui"}
    assert upkeep(house, days=1) == {}


def test_two_that_go_round_by_the_clock_are_cut_too(start: Start) -> None:
    house = start(
        automated(
            "{key: there, on: {in_stage: new, for: 1 hour}, do: [{move: visit}]}",
            "{key: back, on: {in_stage: visit, for: 1 hour}, do: [{move: new}]}",
        )
    )
    send(house)
    for _ in range(30):
        house.clock.forward(hours=1)
        house.run()
    assert Counter(run.result for run in house.runs()) == {"done": 10, "cut": 1}
    assert list(open_alarms(house)) == ["loop:there"]
    assert "there → back → there" in open_alarms(house)["loop:there"]


def test_one_that_fails_pauses_itself_and_says_so_while_the_others_go_on(start: Start) -> None:
    house = start(
        automated(
            "{key: wrong, on: opv.created, pause_after: 3, do: [{move: visit}]}",
            "{key: right, on: opv.created, do: [{comment: Oi}]}",
        ).replace("{key: new, name: Novo}", "{key: new, name: Novo, locked: true}")
    )
    for number in range(5):
        send(house, number)
    assert [run.result for run in house.runs("wrong")] == ["failed"] * 3 + ["paused"] * 2
    assert {run.result for run in house.runs("right")} == {"done"}
    kind, detail = "automation:wrong", "automation wrong paused itself: 3 runs in a row failed, the last: stage_locked"
    assert open_alarms(house) == {kind: detail}, "at once"
    assert upkeep(house) == {kind: detail}
    with house.database.write() as tx:
        by_hand.resume(tx, house.house(), Viewer("rui", "director"), "wrong")
    assert upkeep(house) == {}
    assert [row.kind for row in house.rows("alarms")] == [kind]


@pytest.mark.parametrize("threads", [1, 4])
def test_a_rate_lets_the_others_begin_later_and_loses_none(start: Start, threads: int) -> None:
    house = start(automated("{key: slow, on: opv.created, rate: {max: 100, per: 1 hour}, do: [{advance: contacted}]}"))
    for number in range(250):
        house.deliver(
            "site", {"nome": f"Pessoa {number}", "telefone": f"(11) 9{7000_0000 + number}", "id": str(number)}
        )

    def work() -> int:
        if threads == 1:
            house.run()
        else:
            house.run_in_threads(threads, batch=20)
        return [opv.stage for opv in house.opvs()].count("contacted")

    assert work() == 100
    house.clock.forward(minutes=59)
    assert work() == 100
    house.clock.forward(minutes=1)
    assert work() == 200
    house.clock.forward(hours=1)
    assert work() == 250
    assert Counter(run.result for run in house.runs()) == {"done": 250}
    assert len(house.rows("history_entries", "seq", kind="stage.changed")) == 250

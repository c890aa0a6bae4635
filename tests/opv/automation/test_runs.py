"""Runs of automations: waits, branches, failures, and what ends them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opv.actions import move_stage, reopen, withdraw
from opv.automation.actions import registry
from schemas.config import Comment
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, Pipeline, Start, lead

REASONS = "withdrawal_reasons: [{key: price, name: Preço, automatic: true}]\n"


def automated(*lines: str) -> str:
    return HOUSE + REASONS + "automations:\n" + "".join(f"  - {line}\n" for line in lines)


def begun(start: Start, *lines: str, **options: Any) -> Pipeline:
    house = start(automated(*lines), **options)
    house.deliver("site", lead())
    house.run()
    return house


def results(house: Pipeline, automation: str | None = None) -> list[tuple[str, str | None]]:
    return [(run.result, run.because) for run in house.runs(automation)]


def comments(house: Pipeline) -> list[str]:
    return [json.loads(row.content)["text"] for row in house.rows("history_contents") if "text" in row.content]


def steps(house: Pipeline, automation: str) -> list[str]:
    (run,) = house.runs(automation)
    return [f"{step['action']} {step['result']}" for step in json.loads(run.steps)]


WAITS = "{key: later, on: opv.created, do: [{comment: antes}, {wait: 2 hours}, {comment: depois}, {advance: visit}]}"


def test_a_run_waits_in_its_row_and_goes_on_in_order(start: Start) -> None:
    house = begun(start, WAITS)
    assert comments(house) == ["antes"]
    (run,) = house.runs("later")
    assert (run.result, run.due_at, run.finished_at) == ("waiting", house.clock() + timedelta(hours=2), None)
    house.clock.forward(hours=2, seconds=-1)
    house.run()
    assert comments(house) == ["antes"]
    house.clock.forward(seconds=1)
    house.run()
    house.run()
    assert comments(house) == ["antes", "depois"]
    assert house.opvs()[0].stage == "visit"
    (run,) = house.runs("later")
    assert (run.result, run.due_at, run.todo, run.finished_at) == ("done", None, None, house.clock())
    assert steps(house, "later") == ["comment done", "wait done", "comment done", "advance done"]
    made = [json.loads(row.data).get("run") for row in house.rows("history_entries") if row.actor == "automation:later"]
    assert made == [str(run.id)] * 3


def test_what_changed_meanwhile_ends_a_run(start: Start) -> None:
    house = begun(
        start,
        WAITS,
        "{key: if-new, on: opv.created, when: {stage: new}, do: [{wait: 2 hours}, {comment: ainda novo}]}",
        "{key: if-ana, on: opv.assigned, do: [{wait: {for: 2 hours, if: {broker: bia}}}, {comment: é da bia}]}",
        "{key: moves, on: opv.created, when: {stage: new}, do: [{advance: contacted}, {wait: 2 hours}, {comment: e}]}",
    )
    house.clock.forward(hours=3)
    house.run()
    assert results(house, "later") == [("done", None)]
    assert results(house, "if-new") == [("ended", "stage is 'visit', not 'new'")]
    assert results(house, "if-ana") == [("ended", "broker is 'ana', not 'bia'")]
    assert results(house, "moves") == [("done", None)]  # its condition did not hold any more when it began to wait


@pytest.mark.parametrize(("deed", "because"), [("move", "a person moved the OPV meanwhile"), ("close", "closed")])
def test_a_persons_deed_wins_over_a_waiting_run(start: Start, deed: str, because: str) -> None:
    house = begun(start, WAITS)
    opv = house.opvs()[0].id
    if deed == "move":
        do(house, "ana", opv, lambda at: move_stage(at, "contacted"))
    else:
        do(house, "ana", opv, lambda at: withdraw(at, "price"))
    house.clock.forward(hours=3)
    house.run()
    ((result, said),) = results(house)
    assert result == "ended"
    assert because in (said or "")
    assert comments(house) == ["antes"]
    if deed == "close":
        do(house, "paula", opv, reopen)
        house.run()
        assert comments(house) == ["antes"]


def test_what_begins_with_the_end_of_an_opv_goes_on_until_it_is_reopened(start_on_sqlite: Start) -> None:
    line = "{key: nurture, on: opv.withdrawn, do: [{wait: 7 days}, {comment: semana}, {wait: 30 days}, {comment: mês}]}"
    house = begun(start_on_sqlite, line)
    opv = house.opvs()[0].id
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    house.run()
    house.clock.forward(days=7)
    house.run()
    assert comments(house) == ["semana"]
    do(house, "paula", opv, reopen)
    house.clock.forward(days=30)
    house.run()
    assert results(house) == [("ended", "a person moved the OPV meanwhile")]


def test_an_automation_that_is_no_more_ends_its_runs(start_on_sqlite: Start) -> None:
    house = begun(start_on_sqlite, WAITS)
    house.apply(HOUSE)
    house.clock.forward(hours=3)
    house.run()
    assert results(house) == [("ended", "the automation is not active any more")]


@pytest.mark.parametrize(
    ("wait", "begun_at", "due"),
    [
        ("2 business days", (2026, 2, 13, 15, 30), (2026, 2, 19, 15, 30)),  # Friday before Carnival: to Thursday
        ("2 business hours", (2026, 2, 13, 20, 30), (2026, 2, 18, 13, 30)),  # half an hour on Friday, to 10:30 there
        ("90 business minutes", (2026, 9, 25, 20, 30), (2026, 9, 28, 13, 0)),  # Friday 17:30 to Monday 10:00
    ],
)
def test_waits_end_at_the_business_minute(
    start_on_sqlite: Start, wait: str, begun_at: tuple[int, ...], due: tuple[int, ...]
) -> None:
    line = f"{{key: later, on: opv.created, do: [{{wait: {wait}}}, {{comment: agora}}]}}"
    house = start_on_sqlite(
        automated(line) + "company: {timezone: America/Sao_Paulo, holidays: BR-SP}\n",
        now=datetime(*begun_at, tzinfo=UTC),  # type: ignore[arg-type,misc] # a date as a tuple
    )
    house.deliver("site", lead())
    house.run()
    (run,) = house.runs()
    assert run.due_at == datetime(*due, tzinfo=UTC)  # type: ignore[arg-type,misc] # a date as a tuple
    house.clock.now = run.due_at - timedelta(seconds=1)
    house.run()
    assert comments(house) == []
    house.clock.forward(seconds=1)
    house.run()
    assert comments(house) == ["agora"]


def test_branches_take_one_way_and_join_again(start_on_sqlite: Start) -> None:
    house = begun(
        start_on_sqlite,
        "{key: ways, on: opv.assigned, do: ["
        "{branch: {if: {broker: ana}, then: [{comment: ana}, {wait: 1 hour}, {branch: {if: {stage: visit}, then: [], "
        "else: [{comment: dentro}]}}], else: [{comment: outra}]}}, {comment: junto}, stop, {comment: nunca}]}",
    )
    house.deliver("site", lead(2))
    house.run()
    assert comments(house) == ["ana", "outra", "junto"]
    house.clock.forward(hours=1)
    house.run()
    assert comments(house) == ["ana", "dentro", "junto", "outra", "junto"]
    assert {result for result, _ in results(house)} == {"done"}
    first = json.loads(house.runs()[0].steps)
    assert [(step["action"], step.get("way")) for step in first] == [
        ("branch", "then"), ("comment", None), ("wait", None), ("branch", "else"), ("comment", None),
        ("comment", None), ("stop", None),
    ]  # fmt: skip


def test_one_automation_runs_another(start: Start) -> None:
    house = begun(
        start,
        "{key: outer, on: opv.created, do: [{run: inner}, {run: picky}, {run: asleep}, {comment: fora}]}",
        "{key: inner, on: {called: true}, do: [{comment: dentro}, {wait: 1 hour}, {comment: depois}]}",
        "{key: picky, on: {called: true}, when: {stage: visit}, do: [{comment: nunca}]}",
        "{key: asleep, active: false, on: {called: true}, do: [{comment: nunca}]}",
    )
    assert comments(house) == ["dentro", "fora"]
    (outer,) = house.runs("outer")
    (inner,) = house.runs("inner")
    assert [(step.get("came"), step["result"]) for step in json.loads(outer.steps)] == [
        ("waiting", "done"), ("not_met", "done"), (None, "skipped"), (None, "done"),
    ]  # fmt: skip
    assert (inner.occurrence, inner.trigger, inner.chain) == ("run:outer:1:0", "run", "outer,inner")
    house.clock.forward(hours=1)
    house.run()
    assert comments(house) == ["dentro", "fora", "depois"]


LOCKED = automated(
    "{key: stuck, on: opv.created, pause_after: 3, do: [{comment: antes}, {advance: visit}, {comment: depois}]}",
    "{key: well, on: opv.created, do: [{comment: bem}]}",
).replace("{key: new, name: Novo}", "{key: new, name: Novo, locked: true}")


def test_a_failing_automation_pauses_itself_and_the_others_go_on(start: Start) -> None:
    house = start(LOCKED)
    for number in range(5):
        house.deliver("site", lead(number))
        house.run()
    (run, *_) = house.runs("stuck")
    assert run.result == "failed"
    assert run.because == "advance: new is locked: managers and directors move an OPV out of it"
    assert [place for place, _ in json.loads(run.todo)] == ["1", "2"]
    assert [result for result, _ in results(house, "stuck")] == ["failed"] * 3 + ["paused"] * 2
    assert [result for result, _ in results(house, "well")] == ["done"] * 5
    (state,) = house.rows("automation_states", key="stuck")
    assert (state.paused_at, state.paused_by, state.failures) == (house.clock(), "system", 3)
    assert state.because == "3 runs in a row failed, the last: stage_locked"


def test_a_good_run_ends_a_row_of_failures(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(
        automated("{key: some, on: opv.assigned, pause_after: 2, do: [{advance: visit}]}").replace(
            "{key: visit, name: Visita}", "{key: visit, name: Visita, requires: [email]}"
        )
    )
    for number, email in enumerate(["", "a@example.com", "", "b@example.com", ""], 10):
        house.deliver("site", lead(number, email=email or None))
        house.run()
    assert [result for result, _ in results(house)] == ["failed", "done", "failed", "done", "failed"]
    (state,) = house.rows("automation_states", key="some")
    assert (state.paused_at, state.failures) == (None, 1)


def test_a_bug_in_an_action_ends_its_run_alone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    real = registry.PERFORM[Comment]

    def buggy(action: Comment, at: Any) -> Any:
        if action.comment == "erro":
            at.batch.record(at.opv, "comment.added", at.cause, {}, {"text": "lixo"})
            raise KeyError("a name that nobody should read")
        return real(action, at)

    performing: dict[Any, Any] = {**registry.PERFORM, Comment: buggy}
    monkeypatch.setattr("opv.automation.run.PERFORM", performing)
    house = start(
        automated(
            "{key: good, on: opv.created, do: [{comment: bom}]}",
            "{key: bad, on: opv.created, do: [{comment: um}, {comment: erro}, {comment: dois}]}",
            "{key: outer, on: opv.created, do: [{run: inner}, {comment: fora}]}",
            "{key: inner, on: {called: true}, do: [{comment: erro}]}",
        )
    )
    for number in range(3):
        house.deliver("site", lead(number))
    house.run()
    assert Counter(comments(house)) == {"bom": 3, "um": 3, "fora": 3}
    runs = Counter((run.automation, run.result) for run in house.runs())
    assert runs == {("good", "done"): 3, ("bad", "failed"): 3, ("outer", "done"): 3, ("inner", "failed"): 3}
    (bad, *_) = house.runs("bad")
    assert bad.because.startswith("comment: KeyError at ")
    assert "nobody" not in bad.because + bad.steps
    assert house.rows("pending_events") == []


def test_a_rate_lets_the_others_begin_later(start: Start) -> None:
    house = start(automated("{key: slow, on: opv.created, rate: {max: 2, per: 1 hour}, do: [{comment: oi}]}"))
    for number in range(5):
        house.deliver("site", lead(number))
    house.run()
    assert len(comments(house)) == 2
    for done in (4, 5, 5):
        house.clock.forward(hours=1)
        house.run()
        assert len(comments(house)) == done
    house.deliver_all([("site", lead(number)) for number in range(20, 23)])
    house.run()
    assert len(comments(house)) == 7


def test_what_happened_before_an_automation_was_active_is_not_heard(start: Start) -> None:
    house = start(automated("{key: first, on: opv.created, do: [{comment: um}]}"))
    house.deliver("site", lead())
    house.round("ingest")
    house.clock.forward(seconds=1)
    house.apply(
        automated(
            "{key: first, on: opv.created, do: [{comment: um}]}",
            "{key: second, on: opv.created, do: [{comment: dois}]}",
        )
    )
    house.run()
    house.deliver("site", lead(2))
    house.run()
    assert Counter(comments(house)) == {"um": 2, "dois": 1}


def test_a_paused_automation_keeps_what_it_would_have_done(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(automated(WAITS))
    house.deliver("site", lead())
    house.run()
    house.set("automation_states", {"paused_at": house.clock(), "paused_by": "rui"}, key="later")
    house.deliver("site", lead(2))
    house.clock.forward(hours=3)
    house.run()
    assert results(house) == [("paused", "the automation is paused")] * 2
    assert [len(json.loads(run.todo)) for run in house.runs()] == [3, 4]
    assert comments(house) == ["antes"]


def test_loops_through_time_are_cut_by_repetition(start_on_sqlite: Start) -> None:
    house = begun(
        start_on_sqlite,
        "{key: forth, on: {in_stage: new, for: 1 hour}, do: [{move: contacted}]}",
        "{key: back, on: {in_stage: contacted, for: 1 hour}, do: [{move: new}]}",
    )
    for _ in range(15):
        house.clock.forward(hours=1)
        house.run()
    assert Counter(results(house)) == {
        ("done", None): 10, ("cut", "loop: back → forth → back → forth"): 1,
    }  # fmt: skip
    do(house, "ana", house.opvs()[0].id, lambda at: move_stage(at, "visit"))
    do(house, "ana", house.opvs()[0].id, lambda at: move_stage(at, "new"))
    house.clock.forward(hours=1)
    house.run()
    assert house.opvs()[0].stage == "contacted"

"""Automations: on each trigger, once per occurrence, and never round and round."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from db.claim import claim
from db.ids import new_id
from opv.automation.run import MAX_REPEATS
from tests.pipeline import HOUSE, TABLES, Pipeline, Start, lead


def automated(*lines: str) -> str:
    return HOUSE + "automations:\n" + "".join(f"  - {line}\n" for line in lines)


def send(house: Pipeline, number: int = 1, **fields: Any) -> None:
    house.deliver("site", lead(number, **fields))
    house.run()


def ran(house: Pipeline) -> list[tuple[str, str, str]]:
    return [(run.automation, run.occurrence, run.result) for run in house.runs()]


def test_every_event_triggers_what_listens_to_it_once(start: Start) -> None:
    house = start(
        automated(
            "{key: made, on: opv.created, do: [{comment: Bem-vindo}]}",
            "{key: came, on: opv.captured, when: {returning: true}, do: [{comment: Voltou}]}",
            "{key: given, on: opv.assigned, when: {broker: ana, source: form}, do: [{advance: contacted}]}",
            "{key: moved, on: stage.changed, when: {stage: contacted}, do: [{comment: Moveu}, {advance: visit}]}",
            "{key: asleep, on: opv.created, do: [{advance: visit}], active: false}",
        )
    )
    send(house)
    send(house, id="again")
    (opv,) = house.opvs()
    assert house.kinds(opv.id) == [
        "opv.created", "opv.captured", "comment.added", "opv.assigned", "stage.changed", "comment.added",
        "stage.changed", "opv.captured", "comment.added",
    ]  # fmt: skip
    runs = Counter((automation, result) for automation, _, result in ran(house))
    assert runs == {
        ("made", "done"): 1, ("came", "not_met"): 1, ("came", "done"): 1, ("given", "done"): 1,
        ("moved", "done"): 1, ("moved", "not_met"): 1,
    }  # fmt: skip
    assert (opv.stage, opv.stage_seq) == ("visit", 7)
    assert house.history(opv.id)[6] == (
        "stage.changed", {"from": "contacted", "to": "visit", "automation": "moved"},
    )  # fmt: skip
    assert [run.because for run in house.runs("came")] == ["returning is False, not True", None]
    assert [run.because for run in house.runs("moved")] == [None, "stage is 'visit', not 'contacted'"]
    (entry,) = house.rows("history_entries", opportunity_id=opv.id, seq=5)
    assert house.steps_of("given") == [
        {"action": "advance", "result": "done", "from": "new", "to": "contacted", "seq": 5},
    ]
    assert entry.actor == "automation:given"
    assert house.rows("pending_events") == []


def test_conditions_are_of_the_capture_that_triggered(start: Start) -> None:
    house = start(automated("{key: paid, on: opv.captured, when: {utm.source: google}, do: [{comment: Pago}]}"))
    house.deliver("site", lead(1, utm_source="google"))
    house.deliver("site", lead(1, id="b", utm_source="meta"))
    house.deliver("site", lead(1, id="c", utm_source="google"))
    house.run()
    assert [run.result for run in house.runs()] == ["done", "not_met", "done"]


def test_advance_never_goes_back_and_leaves_closed_opvs_alone(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(
        automated("{key: came, on: opv.captured, do: [{advance: contacted}, {redistribute: {}}, {notify: broker}]}")
    )
    house.deliver("site", lead())
    house.round("ingest")
    house.set("opportunities", {"status": "lost"})
    house.run()
    send(house, 2)
    house.set("opportunities", {"stage": "visit"}, status="open")
    send(house, 2, id="again")
    steps = [house.steps_of("came", position) for position in range(3)]
    assert [step["because"] for step in steps[0]] == [
        "the OPV is closed", "the OPV is closed", "the OPV has no broker",
    ]  # fmt: skip
    assert steps[2][0] == {
        "action": "advance",
        "result": "skipped",
        "reason": "already_there",
        "because": "the OPV is already in visit",
    }
    assert house.opvs()[1].stage == "visit"


QUIET = automated(
    "{key: quiet, on: {in_stage: new, for: 2 hours}, when: {source: form}, do: [{advance: contacted}]}",
    "{key: lazy, on: {in_stage: contacted, for: 1 business day}, do: [{notify: manager}, {redistribute: {}}]}",
)


def test_a_time_in_a_stage_is_counted_in_rows(start: Start) -> None:
    house = start(QUIET)
    send(house)
    house.clock.forward(hours=1, minutes=59)
    house.run()
    assert house.runs() == []
    house.clock.forward(minutes=1)
    house.run()
    (opv,) = house.opvs()
    assert (opv.stage, opv.broker) == ("contacted", "ana")
    house.clock.forward(hours=24)
    house.run()
    (opv,) = house.opvs()
    assert (opv.stage, opv.broker) == ("contacted", "bia")
    assert ran(house) == [("quiet", "timer:1", "done"), ("lazy", "timer:4", "done")]
    assert house.rows("timers") == []
    assert house.kinds(opv.id)[4:] == ["notice.queued", "redistribution.asked", "opv.assigned"]
    house.clock.forward(days=30)
    house.run()
    assert len(house.runs()) == 2


def test_a_timer_of_a_stage_that_was_left_does_nothing(start: Start) -> None:
    house = start(QUIET)
    for number in (1, 2, 3):
        send(house, number)
    moved, closed, other = house.opvs()
    house.set("opportunities", {"stage": "contacted", "stage_seq": 9}, id=moved.id)
    house.set("opportunities", {"status": "lost"}, id=closed.id)
    house.set("opportunities", {"stage_seq": 9}, id=other.id)  # it has left the stage and come back
    house.clock.forward(hours=3)
    house.run()
    assert house.runs() == []
    assert house.rows("timers") == []


@pytest.mark.parametrize(
    ("wait", "begun", "due"),
    [
        ("2 business days", (2026, 2, 13, 15, 30), (2026, 2, 19, 15, 30)),  # Friday before Carnival: to Thursday
        ("2 business days", (2026, 2, 14, 15, 30), (2026, 2, 20, 3, 0)),  # Saturday: from the start of Ash Wednesday
        ("2 business hours", (2026, 2, 13, 20, 30), (2026, 2, 18, 13, 30)),  # half an hour on Friday, to 10:30 there
    ],
)
def test_business_time_passes_over_carnival(
    start_on_sqlite: Start, wait: str, begun: tuple[int, ...], due: tuple[int, ...]
) -> None:
    house = start_on_sqlite(
        automated(f"{{key: quiet, on: {{in_stage: new, for: {wait}}}, do: [{{advance: contacted}}]}}")
        + "company: {timezone: America/Sao_Paulo, holidays: BR-SP}\n",
        now=datetime(*begun, tzinfo=UTC),  # type: ignore[arg-type,misc] # a date as a tuple
    )
    send(house)
    (timer,) = house.rows("timers")
    assert timer.due_at == datetime(*due, tzinfo=UTC)  # type: ignore[arg-type,misc] # a date as a tuple


def test_notices_go_to_whom_they_name_with_a_key_that_stays(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    directors = "  - {key: eva, name: Eva, role: director}\n  - {key: ivo, name: Ivo, role: director, active: false}\n"
    configuration = automated(
        "{key: tell, on: opv.assigned, "
        "do: [{notify: broker}, {notify: manager}, {notify: directors}, {notify: bia}, {notify: ivo}]}"
    ).replace("teams: [{", f"{directors}teams: [{{", 1)
    house = start(configuration)
    with caplog.at_level(logging.INFO, "porteiro.notices"):
        send(house)
    (opv,) = house.opvs()
    messages = {row.recipient: row for row in house.rows("outbound_messages")}
    assert {row.idempotency_key for row in messages.values()} == {
        f"tell:{opv.id}:3:{action}:{person}"
        for action, person in [(0, "ana"), (1, "paula"), (2, "rui"), (2, "eva"), (3, "bia")]
    }
    assert {(row.state, row.due_at, row.sent_at) for row in messages.values()} == {("sent", None, house.clock())}
    assert len(caplog.messages) == 5
    assert f"notice to paula (tell:{opv.id}:3:1:paula)" in caplog.messages
    assert [data["to"] for kind, data in house.history(opv.id) if kind == "notice.queued"] == [
        "ana", "paula", "rui", "eva", "bia",
    ]  # fmt: skip
    assert house.steps_of("tell")[4] == {
        "action": "notify", "result": "skipped", "reason": "nobody_to_tell", "because": "the OPV has no ivo",
    }  # fmt: skip


def test_an_interrupted_and_doubled_event_has_its_effects_once(start: Start) -> None:
    house = start(automated("{key: made, on: opv.created, do: [{comment: Oi}, {notify: paula}, {advance: visit}]}"))
    house.deliver("site", lead())
    house.round("ingest")
    step = house.step("automation")
    with house.database.write() as tx:
        taken = claim(tx, step.work_list, house.clock(), tried=False)
    assert taken is not None
    with house.database.write() as tx:
        assert step.work(tx, taken.ids, taken.token, house.house(), house.clock()) == {"outbound"}
        tx.rollback()  # the worker ends before its commit
    (event,) = house.rows("pending_events")
    double = {**event._mapping, "id": new_id(), "lease": None, "attempts": 0}
    with house.database.write() as tx:
        tx.execute(insert(TABLES["pending_events"]), double)
    house.clock.forward(minutes=2)
    house.run()
    (opv,) = house.opvs()
    assert ran(house) == [("made", "1", "done")]
    assert Counter(house.kinds(opv.id)) == {
        "opv.created": 1, "opv.captured": 1, "opv.assigned": 1, "comment.added": 1, "notice.queued": 1,
        "stage.changed": 1,
    }  # fmt: skip
    assert len(house.rows("outbound_messages")) == 1
    assert [(row.due_at, row.lease) for row in house.rows("pending_events")] == [(None, None)]  # the double, parked


def test_doubled_timers_are_refused(start_on_postgresql: Start) -> None:
    house = start_on_postgresql(QUIET)
    for number in range(40):
        house.deliver("site", lead(number))
    house.run()
    house.clock.forward(hours=2)
    house.run_in_threads(4, batch=3)
    assert Counter(ran(house)) == {("quiet", "timer:1", "done"): 40}
    assert {opv.stage for opv in house.opvs()} == {"contacted"}


def test_a_loop_is_cut_and_named(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    house = start(
        automated(
            "{key: never-good, on: opv.assigned, do: [{redistribute: {}}]}",
            "{key: begin, on: opv.created, do: [{advance: contacted}]}",
        )
    )
    with caplog.at_level(logging.WARNING, "porteiro.automation"):
        send(house)
    (opv,) = house.opvs()
    results = Counter(run.result for run in house.runs("never-good"))
    assert results == {"done": MAX_REPEATS, "cut": 1}
    assert house.runs("never-good")[-1].because == "loop: never-good → never-good → never-good → never-good"
    assert len(caplog.messages) == 1
    assert "never-good" in caplog.messages[0]
    assert house.kinds(opv.id).count("opv.assigned") == MAX_REPEATS + 1
    assert house.rows("pending_events") == house.rows("distribution_work") == []
    send(house, id="again")
    send(house, 2)
    assert Counter(run.result for run in house.runs("never-good"))["cut"] == 2


def test_a_redistribution_without_another_broker_says_so_and_keeps_the_one(start: Start) -> None:
    house = start(
        automated("{key: other, on: {in_stage: new, for: 1 hour}, do: [{redistribute: {}}]}").replace(
            "brokers: [ana, bia]", "brokers: [ana]"
        )
    )
    send(house)
    house.clock.forward(hours=1)
    house.run()
    (opv,) = house.opvs()
    assert opv.broker == "ana"
    assert house.undistributed() == {opv.id: "all_left_out"}
    assert json.loads(house.decisions()[-1].explanation)["excluded"] == [{"broker": "ana", "because": "present_broker"}]

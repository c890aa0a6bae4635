"""What conditions ask beyond an OPV's row is right at each moment: before, within and after a batch."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opv import history
from opv.automation.run import open_round, write
from opv.batch import Batch, Cause
from tests.pipeline import HOUSE, Pipeline, Start, counted, lead

WITHIN = {"": None, ".5h": timedelta(hours=5), ".1d": timedelta(days=1), ".3d": timedelta(days=3)}
KINDS = (history.COMMENT_ADDED, history.CONTACT_ADDED, history.STAGE_CHANGED)
CAUSE = Cause("system")

made = st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS), st.sampled_from(sorted(WITHIN)))
"""A kind of entry that is made, and then the kind and the time that are asked for."""
batches = st.lists(st.tuples(st.integers(0, 30), st.lists(made, max_size=4)), min_size=1, max_size=5)
"""Batches, each so many hours after the one before."""


def automated(*lines: str) -> str:
    return HOUSE + "automations:\n" + "".join(f"  - {line}\n" for line in lines)


def send(house: Pipeline, number: int = 1, **fields: Any) -> None:
    house.deliver("site", lead(number, **fields))
    house.run()


def results(house: Pipeline) -> list[tuple[str, str, str | None]]:
    return [(run.automation, run.result, run.because) for run in house.runs()]


def test_counts_are_those_of_a_recount(start: Start) -> None:
    house = start()
    send(house)
    client = house.opvs()[0].client_id

    @settings(max_examples=40, deadline=None)
    @given(batches)
    def recounted(batches: list[tuple[int, list[tuple[str, str, str]]]]) -> None:
        now, entries, entered = house.clock(), list[tuple[str, datetime]](), house.clock()
        with house.database.write() as tx:
            batch = Batch(house.house(), now)
            opv = batch.new_opv(client, None)
            batch.record(opv, history.CREATED, CAUSE, {})
            batch.write(tx)
            for hours, steps in batches:
                now += timedelta(hours=hours)
                round_ = open_round(tx, house.house(), now, [opv.id], [], {})
                here = round_.batch.opvs[opv.id]
                for kind, asked, within in steps:
                    entries.append((kind, now))
                    if kind == history.STAGE_CHANGED:
                        round_.batch.move(here, "visit" if here.stage == "new" else "new", CAUSE, {})
                        entered = now
                    else:
                        round_.batch.record(here, kind, CAUSE, {})
                    times = [at for one, at in entries if one == asked]
                    span = WITHIN[within]
                    facts = round_.facts(here)
                    assert facts.get(f"count.{asked}{within}") == sum(span is None or now - at < span for at in times)
                    since = (now - times[-1]) / timedelta(hours=1) if times else None
                    assert facts.get(f"hours_since.{asked}") == since
                    assert facts.get("stage_hours") == (now - entered) / timedelta(hours=1)
                write(round_)

    recounted()


def test_facts_of_the_moment(start: Start) -> None:
    when = (
        "stage_hours: 3, age_hours: {gte: 3}, assigned_hours: {gte: 3, lt: 4}, broker.active: true, "
        "second_broker: {exists: false}, first_contact: false, funnel: sales, outcome: open, status: {exists: false}, "
        "clients: 1, client.has_phone: true, client.has_email: true, client.has_document: false, "
        "client.complete: false, captures: 2, capture_hours: 1, count.opv.captured: 2, count.opv.captured.1h: 0, "
        "count.opv.captured.2h: 1, hours_since.opv.captured: 1, hours_since.contact.added: {exists: false}"
    )
    house = start(
        automated(f"{{key: slow, on: {{in_stage: new, for: 3 hours}}, when: {{{when}}}, do: [{{move: visit}}]}}")
    )
    send(house)
    house.clock.forward(hours=2)
    send(house, id="again")
    house.clock.forward(hours=1)
    house.run()
    assert results(house) == [("slow", "done", None)]


def test_what_an_action_did_counts_for_the_next_and_for_the_automation_that_it_runs(start: Start) -> None:
    house = start(
        automated(
            "{key: first, on: opv.assigned, when: {count.comment.added: 0}, do: [{comment: a}, "
            "{branch: {if: {count.comment.added.1h: 1}, then: [{advance: contacted}]}}, {run: second}]}",
            "{key: second, on: {called: true}, when: {count.comment.added: 1, stage: contacted}, do: [{comment: b}]}",
            "{key: third, on: comment.added, when: {count.comment.added: {gte: 2}}, do: [{advance: visit}]}",
        )
    )
    send(house)
    (opv,) = house.opvs()
    assert opv.stage == "visit"
    assert Counter((name, result) for name, result, _ in results(house)) == {
        ("first", "done"): 1, ("second", "done"): 1, ("third", "done"): 2,
    }  # fmt: skip


def test_a_run_that_waited_asks_anew(start: Start) -> None:
    house = start(
        automated(
            "{key: nudge, on: opv.assigned, do: [{wait: {for: 1 day, if: {count.opv.captured.1d: 0}}}, {comment: Oi}]}"
        )
    )
    send(house, 1)
    send(house, 2)
    house.clock.forward(hours=12)
    send(house, 2, id="again")
    house.clock.forward(hours=12)
    house.run()
    assert results(house) == [
        ("nudge", "done", None), ("nudge", "ended", "count.opv.captured.1d is 1, not 0"),
    ]  # fmt: skip


def test_what_is_asked_is_loaded_once_for_a_batch(start: Start) -> None:
    asking = "count.comment.added: 0, count.contact.added.2d: 0, clients: 1, client.has_phone: true, stage_hours: 0"
    house = start(
        automated(f"{{key: a, on: opv.created, when: {{{asking}}}, do: [{{branch: {{if: {{count.opv.won: 0}}}}}}]}}")
    )
    costs = []
    for numbers in (range(1), range(1, 30)):
        house.deliver_all([("site", lead(number)) for number in numbers])
        house.round("ingest")
        with counted(house.database) as statements:
            house.round("automation")
        costs.append(sum("history_entries" in one and "SELECT" in one for one in statements))
        house.run()
    assert costs == [2, 2]
    assert {result for _, result, _ in results(house)} == {"done"}

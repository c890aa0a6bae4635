"""Scheduled automations: each planned time once over all open OPVs, whatever dies; and times that were missed."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import opv.automation.schedules as module
from db.bulk import insert_rows
from db.claim import claim_one
from db.ids import new_id
from opv.automation.plan import MOST
from opv.automation.run import Round
from opv.automation.schedules import RunSchedules
from opv.history import genesis
from schemas.cron import Cron
from tests.pipeline import HOUSE, NOW, TABLES, Pipeline, Start, counted, lead, limit_batches

NINE = NOW + timedelta(days=1)
"""Nine in the morning in São Paulo."""


def scheduled(on: str, do: str = "[{comment: Bom dia}]", more: str = "", zone: str = "America/Sao_Paulo") -> str:
    """A house with the automation `daily`. `on`: what stands in its schedule, `more`: what else it says."""
    company = f"company: {{name: Casa Exemplo, timezone: {zone}}}\n"
    return company + HOUSE + f"automations:\n  - {{key: daily, on: {{{on}}}, do: {do}{more}}}\n"


DAILY = scheduled('cron: "0 9 * * *"')


def fill(house: Pipeline, opvs: int) -> None:
    """So many OPVs without more than their row."""
    first = house.opvs()[-1]
    ids = [new_id() for _ in range(opvs)]
    numbered = house.database.dialect == "sqlite"
    rows = [
        {
            **first._mapping, "id": id_, "history_seq": 0, "history_head": genesis(id_),
            **({"number": first.number + n} if numbered else {}),
        }
        for n, id_ in enumerate(ids, 1)
    ]  # fmt: skip
    if not numbered:
        rows = [{name: value for name, value in row.items() if name != "number"} for row in rows]
    with house.database.write() as tx:
        insert_rows(tx, TABLES["opportunities"], rows)


def at(house: Pipeline, moment: datetime) -> None:
    """Lets the time come, and runs what is due."""
    house.clock.now = moment
    house.run("automation")


def schedule(house: Pipeline) -> Any:
    (row,) = house.rows("schedules")
    return row


def ended(house: Pipeline) -> list[tuple[str, datetime, int, int]]:
    rows = sorted(house.rows("scheduled_runs"), key=lambda row: row.planned_at)
    return [(row.result, row.planned_at, row.seen, row.matched) for row in rows]


def occurrences(house: Pipeline) -> Counter[str]:
    return Counter(run.occurrence for run in house.runs("daily"))


def started(start: Start, text: str = DAILY, opvs: int = 3) -> Pipeline:
    house = start(text)
    house.deliver_all([("site", lead(number)) for number in range(opvs)])
    house.run()
    return house


def test_a_run_does_all_open_opvs_that_match_a_chunk_at_a_time(start: Start) -> None:
    house = started(start, scheduled('cron: "0 9 * * *"', more=", when: {stage: new}"), 5)
    opvs = house.opvs()
    house.set("opportunities", {"stage": "contacted"}, id=opvs[1].id)
    house.set("opportunities", {"status": "lost"}, id=opvs[2].id)
    limit_batches(house.steps, 2)
    at(house, NINE - timedelta(seconds=1))
    assert (house.runs(), ended(house)) == ([], [])
    house.clock.now = NINE
    assert house.round("automation", 3).done == 2
    row = schedule(house)
    assert (row.planned_at, row.started_at, row.seen, row.matched) == (NINE, NINE, 2, 1)
    assert (row.due_at, row.next_at) == (NINE, NINE + timedelta(days=1))
    house.run("automation")
    runs = house.runs()
    assert [run.opportunity_id for run in runs] == [opvs[0].id, opvs[3].id, opvs[4].id]
    assert {(run.occurrence, run.trigger, run.result) for run in runs} == {
        (f"cron:{NINE:%Y-%m-%dT%H:%M:%S}Z", "cron", "done")
    }
    assert ended(house) == [("done", NINE, 4, 3)]
    row = schedule(house)
    assert (row.due_at, row.started_at, row.cursor, row.seen) == (NINE + timedelta(days=1), None, None, 0)
    assert house.kinds(opvs[3].id)[-1] == "comment.added"
    at(house, NINE + timedelta(days=1))
    assert occurrences(house).most_common(1)[0][1] == 3
    assert len(house.runs()) == 6


def test_a_chunk_costs_the_same_however_many_it_holds(start_on_postgresql: Start) -> None:
    house = started(start_on_postgresql, opvs=1)
    costs = []
    for day, more in ((0, 0), (1, 20), (2, 200)):
        fill(house, more)
        house.clock.now = NINE + timedelta(days=day)
        with counted(house.database) as statements:
            assert house.round("automation", 3).done >= more
        costs.append(len(statements))
    assert costs[0] == costs[1] == costs[2]


def test_a_worker_that_slept_past_its_lease_does_nothing(start: Start) -> None:
    house = started(start)
    house.clock.now = NINE
    slow: RunSchedules = house.step("automation", 3)
    with house.database.write() as tx:
        taken = claim_one(tx, slow.work_list, NINE)
    assert taken is not None
    at(house, NINE + slow.work_list.lease)
    with house.database.write() as tx:
        assert slow._work(tx, taken).done == 0
    assert sum(occurrences(house).values()) == 3


def test_an_opv_whose_action_fails_does_not_stop_the_others(
    start_on_sqlite: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = started(start_on_sqlite, scheduled('cron: "0 9 * * *"', more=", rate: {max: 2, per: 1 hour}"))
    broken = house.opvs()[0].id
    do = Round._do

    def fails(round_: Any, place: str, action: Any, occurrence: Any) -> Any:
        if occurrence.opv.id == broken:
            raise ZeroDivisionError
        return do(round_, place, action, occurrence)

    monkeypatch.setattr(Round, "_do", fails)
    at(house, NINE)
    assert [run.result for run in house.runs()] == ["failed", "done", "waiting"]
    assert ended(house) == [("done", NINE, 3, 3)]


def test_a_paused_automation_waits_and_goes_on_when_it_is_resumed(start: Start) -> None:
    house = started(start)
    house.set("automation_states", {"paused_at": NOW}, key="daily")
    at(house, NINE)
    assert (house.runs(), schedule(house).started_at) == ([], None)
    house.set("automation_states", {"paused_at": None}, key="daily")
    at(house, NINE + timedelta(hours=5))
    assert ended(house) == [("done", NINE, 3, 3)]
    limit_batches(house.steps, 2)
    house.clock.now = NINE + timedelta(days=1)
    house.round("automation", 3)
    house.set("automation_states", {"paused_at": house.clock()}, key="daily")
    at(house, house.clock() + timedelta(minutes=30))
    assert schedule(house).seen == 2
    house.set("automation_states", {"paused_at": None}, key="daily")
    at(house, house.clock() + timedelta(minutes=1))
    assert ended(house)[1:] == [("done", NINE + timedelta(days=1), 3, 3)]


def test_a_run_that_takes_too_long_ends_where_it_is_with_an_alarm(start: Start) -> None:
    house = started(start, scheduled('cron: "0 9 * * *", limit: 1 hour'))
    limit_batches(house.steps, 2)
    house.clock.now = NINE
    house.round("automation", 3)
    at(house, NINE + timedelta(hours=1, seconds=1))
    assert ended(house) == [("timed_out", NINE, 2, 2)]
    (alarm,) = house.rows("alarms")
    assert (alarm.kind, alarm.cleared_at) == ("schedule:daily", None)
    assert "took longer than 1 hour" in alarm.detail
    house.run("upkeep")
    assert house.rows("alarms")[0].cleared_at is None
    at(house, NINE + timedelta(days=1))
    assert ended(house)[1] == ("done", NINE + timedelta(days=1), 3, 3)
    assert house.rows("alarms")[0].cleared_at == NINE + timedelta(days=1)


def test_a_run_that_kills_its_worker_each_time_is_stopped(start: Start) -> None:
    house = started(start)
    step: RunSchedules = house.step("automation", 3)
    for _ in range(3):
        house.clock.now = max(house.clock(), NINE)
        with house.database.write() as tx:
            assert claim_one(tx, step.work_list, house.clock()) is not None
        house.clock.now += step.work_list.lease
    house.run("automation")
    assert [result for result, *_ in ended(house)] == ["stopped"]
    assert "its worker died at each try" in house.rows("alarms")[0].detail
    assert schedule(house).due_at == NINE + timedelta(days=1)


HOURLY = 'cron: "0 * * * *", missed: {}'


@pytest.mark.parametrize(
    ("missed", "hours", "results"),
    [
        ("skip", 4.5, ["skipped"] * 4),
        ("skip", 4.01, ["skipped"] * 3 + ["done"]),
        ("last", 4.5, ["skipped"] * 3 + ["done"]),
        ("all", 4.5, ["done"] * 4),
        ("all", 24 * 30, ["done"] * MOST),
        ("last", 24 * 30, ["skipped"] * (MOST - 1) + ["done"]),
    ],
)
def test_times_that_were_missed(start_on_sqlite: Start, missed: str, hours: float, results: list[str]) -> None:
    house = started(start_on_sqlite, scheduled(HOURLY.format(missed)), 1)
    at(house, NOW + timedelta(hours=hours))
    found = ended(house)
    assert [result for result, *_ in found] == results
    assert found[-1][1] == NOW + timedelta(hours=int(hours))
    assert len(house.runs()) == results.count("done")
    assert schedule(house).due_at == NOW + timedelta(hours=int(hours) + 1)


@pytest.mark.parametrize(
    ("missed", "then"), [("skip", ["skipped", "skipped"]), ("last", ["skipped", "done"]), ("all", ["done", "done"])]
)
def test_times_that_come_while_a_run_is_under_way(start_on_sqlite: Start, missed: str, then: list[str]) -> None:
    house = started(start_on_sqlite, scheduled(f"{HOURLY.format(missed)}, limit: 3 hours"))
    limit_batches(house.steps, 2)
    house.clock.now = NOW + timedelta(hours=1)
    house.round("automation", 3)
    at(house, NOW + timedelta(hours=3, minutes=1))
    assert [result for result, *_ in ended(house)] == ["done", *then]
    runs = [(run.occurrence, run.at) for run in house.runs()]
    assert runs == sorted(runs)


def test_what_the_configuration_says_next(start: Start) -> None:
    house = started(start)
    limit_batches(house.steps, 2)
    house.clock.now = NINE
    house.round("automation", 3)
    house.apply(scheduled('cron: "30 10 * * *"'))
    row = schedule(house)
    assert (row.started_at, row.next_at) == (NINE, NINE + timedelta(minutes=90))
    house.run("automation")
    assert ended(house) == [("done", NINE, 3, 3)]
    house.apply(scheduled('cron: "30 10 * * *"', zone="Europe/Lisbon"))
    assert schedule(house).due_at == datetime(2026, 9, 23, 9, 30, tzinfo=UTC)
    at(house, datetime(2026, 9, 23, 9, 30, tzinfo=UTC))
    assert len(ended(house)) == 2
    house.clock.forward(days=1)
    house.round("automation", 3)
    house.apply(HOUSE)
    assert [result for result, *_ in ended(house)] == ["done", "done", "stopped"]
    at(house, house.clock() + timedelta(days=3))
    assert (schedule(house).due_at, len(ended(house))) == (None, 3)
    house.apply(DAILY)
    assert schedule(house).due_at == datetime(2026, 9, 27, 12, tzinfo=UTC)
    house.apply(scheduled('cron: "0 9 * * *"', more=", active: false"))
    assert schedule(house).due_at is None


def test_times_before_it_was_active_never_run(start_on_sqlite: Start) -> None:
    house = started(start_on_sqlite, scheduled(HOURLY.format("all"), more=", active: false"))
    house.clock.forward(hours=10)
    house.apply(scheduled(HOURLY.format("all")))
    at(house, house.clock() + timedelta(minutes=61))
    assert [planned for _, planned, *_ in ended(house)] == [NOW + timedelta(hours=11)]


class Died(BaseException):
    """A worker's death in the middle of a chunk."""


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 400)),
        st.tuples(st.just("round"), st.just(0)),
        st.tuples(st.just("die"), st.booleans()),
        st.tuples(st.just("zone"), st.sampled_from(["America/Sao_Paulo", "Europe/Lisbon"])),
    ),
    min_size=5,
    max_size=40,
)
CLOCKS_GO_BACK = datetime(2026, 10, 24, 22, tzinfo=UTC)
"""Three hours before Lisbon's clocks do."""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS, st.sampled_from(["skip", "last", "all"]), st.sampled_from(["30 1 * * *", "*/45 * * * *", "0 0-3 * * *"]))
def test_each_planned_time_runs_once_and_in_order(
    start_on_sqlite: Start, events: list[tuple[str, Any]], missed: str, cron: str
) -> None:
    """Two workers take turns; one may die in a chunk before or after its claim, and the company may move."""
    house = _anew(start_on_sqlite, cron, missed)
    workers = [house.new_steps(lambda _: None) for _ in range(2)]
    for steps in workers:
        limit_batches(steps, 2)
    for number, (what, by) in enumerate(events):
        rounds: RunSchedules = workers[number % 2]._rounds["automation"][3]  # type: ignore[assignment] # which it is
        if what == "wait":
            house.clock.forward(minutes=by)
        elif what == "zone":
            house.apply(scheduled(f'cron: "{cron}", missed: {missed}, limit: 30 days', zone=by))
        elif what == "die":
            with pytest.MonkeyPatch.context() as patch, suppress(Died):
                patch.setattr(module, "write" if by else "open_round", _die)
                rounds.round()
        else:
            rounds.round()
        _none_overlap(house)
    house.clock.forward(minutes=2)
    while (row := schedule(house)).started_at is not None or row.due_at <= house.clock():
        workers[0]._rounds["automation"][3].round()
        house.clock.forward(seconds=90)
    _none_overlap(house)
    found = ended(house)
    assert occurrences(house) == {
        f"cron:{planned:%Y-%m-%dT%H:%M:%S}Z": 3 for result, planned, *_ in found if result == "done"
    }
    assert {result for result, *_ in found} <= ({"done"} if missed == "all" else {"done", "skipped"})
    if found and not any(what == "zone" for what, _ in events):
        due = Cron.parse(cron).last(MOST, CLOCKS_GO_BACK, found[-1][1], house.house().zone)
        assert [planned for _, planned, *_ in found] == due


def _die(*_: Any, **__: Any) -> None:
    raise Died


def _anew(start: Start, cron: str, missed: str) -> Pipeline:
    """The house as it is before anything was planned; fixtures are made once for all examples."""
    house = start(HOUSE, now=CLOCKS_GO_BACK)
    with house.database.write() as tx:
        for name in ("scheduled_runs", "schedules", "automation_runs", "automation_states"):
            tx.execute(TABLES[name].delete())
    house.apply(HOUSE)
    if not house.opvs():
        house.deliver_all([("site", lead(number)) for number in range(3)])
        house.run()
    house.apply(scheduled(f'cron: "{cron}", missed: {missed}, limit: 30 days'))
    return house


def _none_overlap(house: Pipeline) -> None:
    """Runs that began follow each other in the order of their planned times, each after the one before was over."""
    began = [row for row in house.rows("scheduled_runs") if row.started_at is not None]
    began.sort(key=lambda row: row.started_at)
    times = [moment for row in began for moment in (row.started_at, row.finished_at)]
    assert times == sorted(times)
    assert [row.planned_at for row in began] == sorted(row.planned_at for row in began)
    assert all(row.planned_at <= row.started_at for row in began)

"""Claims, leases, splits and repeats, on the real steps; and what a batch costs."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from db.claim import claim
from opv.house import House
from opv.step import REPEATS, fingerprint
from tests.pipeline import HOUSE, Pipeline, Start, counted, lead, limit_batches

AUTOMATED = HOUSE + (
    "automations:\n"
    "  - {key: given, on: opv.assigned, do: [{advance: contacted}, {comment: Olá}, {notify: broker}]}\n"
    "  - {key: quiet, on: {in_stage: contacted, for: 1 hour}, do: [{redistribute: {}}, {notify: manager}]}\n"
)


class Died(BaseException):
    """The worker's process is gone."""


class Watched:
    """A step whose batches are noted, and to which something happens before some of them."""

    def __init__(self, house: Pipeline, name: str, before: Callable[[Sequence[UUID]], None]) -> None:
        self.batches: list[Sequence[UUID]] = []
        self._work = house.step(name).work
        self._before = before
        house.step(name).work = self.work

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> Any:
        """As the step's own."""
        self.batches.append(ids)
        self._before(ids)
        return self._work(tx, ids, token, house, now)


def full(number: int, shape: int = 0) -> tuple[str, Any]:
    """A lead with all that costs a statement; by `shape` of a known client, repeated, without contact, not JSON."""
    more: dict[str, Any] = {"mensagem": "Olá", "imovel_codigo": f"X-{number}", "cpf": None}
    if shape == 1:
        return "site", lead(0, id=f"known-{number}", **more)
    if shape == 2:
        return "site", lead(0)
    if shape == 3:
        return "site", lead(number, telefone=None, email=None)
    if shape == 4:
        return "site", b"no JSON"
    if shape == 5:
        return "site", lead(number, id=None, **more)
    return "site", lead(number, **more)


def rounds(house: Pipeline, requests: Sequence[tuple[str, Any]]) -> dict[str, int]:
    """Statements of each step's round over the requests."""
    house.deliver_all(requests)
    house.steps = house.new_steps(house.woken.append)
    limit_batches(house.steps, 1000)
    counts: dict[str, int] = {}
    for name, position in [
        ("ingest", 0), ("distribution", 0), ("automation", 0), ("outbound", 0), ("automation", 1),
    ]:  # fmt: skip
        if position == 1:
            house.clock.forward(hours=1)
        with counted(house.database) as statements:
            house.round(name, position)
        counts[f"{name} {position}"] = len(statements)
        house.steps = house.new_steps(house.woken.append)
        limit_batches(house.steps, 1000)
    house.run()
    return counts


def test_a_batch_costs_as_many_statements_whatever_its_size(start: Start) -> None:
    house = start(AUTOMATED)
    house.deliver("site", lead(0))
    house.run()
    number = iter(range(1, 10_000))
    counts = {size: rounds(house, [full(next(number)) for _ in range(size)]) for size in (1, 10, 500)}
    assert counts[1] == counts[10] == counts[500]
    assert counts[1]["ingest 0"] < 40
    mixed = {
        size: rounds(house, [full(next(number), index % 6) for index in range(size)])["ingest 0"] for size in (12, 480)
    }
    assert mixed[12] == mixed[480]
    assert len(house.opvs()) == 1 + 511 + 2 * 492 // 6


def test_a_worker_that_slept_past_its_lease_changes_nothing(start: Start) -> None:
    house = start(AUTOMATED)
    order = [("ingest", 0), ("distribution", 0), ("automation", 0), ("automation", 1)]
    tables = ("opportunities", "history_entries", "capture_origins", "assignments", "automation_runs", "timers")
    for index, (name, position) in enumerate(order):
        house.deliver_all([("site", lead(10 * index + n)) for n in range(3)])
        for before in order[:index]:
            house.round(*before)
        if position == 1:
            house.clock.forward(hours=1)
        step = house.step(name, position)
        with house.database.write() as tx:
            slept = claim(tx, step.work_list, house.clock(), tried=False)
        assert slept is not None
        house.run()
        assert len(house.rows(step.work_list.table.name, lease=slept.token)) == len(slept.ids)
        house.clock.forward(seconds=61)
        house.run()
        after = [house.rows(table) for table in tables]
        with house.database.write() as tx:
            assert step.work(tx, slept.ids, slept.token, house.house(), house.clock()) == set()
        assert [house.rows(table) for table in tables] == after
    assert len(house.opvs()) == 12
    assert len(house.runs("given")) == 12 + len(house.runs("quiet"))  # who is quiet is given to another


def test_a_row_that_ends_its_worker_is_alone_then_parked(start: Start) -> None:
    house = start()
    deliveries = house.deliver_all([("site", lead(n)) for n in range(5)])
    killer = deliveries[2]

    def kill(ids: Sequence[UUID]) -> None:
        if killer in ids:
            raise Died

    watched = Watched(house, "ingest", kill)
    for _ in range(3):
        with pytest.raises(Died):
            house.run("ingest")
        assert house.outcomes(killer) == []
        house.clock.forward(seconds=61)
        house.deliver("site", lead(len(house.rows("deliveries")) + 100))
    house.run()
    assert house.outcomes(killer) == ["parked worker_killed"]
    assert Counter(house.delivered()) == {"captured": 7, "parked": 1}
    assert [sorted(ids) for ids in watched.batches if killer in ids] == [deliveries, [killer], [killer]]
    assert [ids for ids in watched.batches[1:] if len(ids) > 1] == []
    house.replay(killer)
    watched._before = lambda _: None
    house.run()
    assert house.outcomes(killer) == ["captured"]


TRANSIENT = [
    psycopg.errors.DeadlockDetected(),
    psycopg.errors.SerializationFailure(),
    psycopg.errors.LockNotAvailable(),
    psycopg.errors.AdminShutdown(),
    psycopg.errors.DiskFull(),
    psycopg.OperationalError("the connection is closed"),
    sqlite3.OperationalError("database is locked"),
]


@pytest.mark.parametrize("error", [*TRANSIENT, *(DBAPIError("statement", {}, one) for one in TRANSIENT)], ids=repr)
def test_what_may_succeed_when_tried_again_repeats_the_whole_batch(start_on_sqlite: Start, error: Exception) -> None:
    house = start_on_sqlite()
    deliveries = house.deliver_all([("site", lead(n)) for n in range(4)])
    failures = [error, error]

    def fail(ids: Sequence[UUID]) -> None:
        if failures:
            raise failures.pop()

    watched = Watched(house, "ingest", fail)
    house.run()
    assert [sorted(ids) for ids in watched.batches] == [deliveries] * 3
    assert house.delivered() == ["captured"] * 4


def test_when_the_database_stays_unwell_the_batch_comes_due_again(start_on_sqlite: Start) -> None:
    house = start_on_sqlite()
    house.deliver_all([("site", lead(n)) for n in range(4)])
    unwell = True

    def fail(ids: Sequence[UUID]) -> None:
        if unwell:
            raise psycopg.errors.SerializationFailure

    watched = Watched(house, "ingest", fail)
    with pytest.raises(psycopg.errors.SerializationFailure):
        house.run()
    assert len(watched.batches) == REPEATS
    assert house.delivered() == ["pending"] * 4
    unwell = False
    house.clock.forward(seconds=61)
    house.run()
    assert house.delivered() == ["captured"] * 4


@pytest.mark.parametrize("when", ["before the work", "before the commit"])
def test_a_lost_connection_repeats_the_batch(start_on_postgresql: Start, when: str) -> None:
    house = start_on_postgresql()
    deliveries = house.deliver_all([("site", lead(n)) for n in range(20)])
    step, tries = house.step("ingest"), []
    work = step.work

    def lose(tx: Connection) -> None:
        house.execute(f"SELECT pg_terminate_backend({tx.execute(text('SELECT pg_backend_pid()')).scalar_one()})")

    def interrupted(tx: Connection, *rest: Any) -> Any:
        tries.append(rest)
        if len(tries) == 1 and when == "before the work":
            lose(tx)
        woken = work(tx, *rest)
        if len(tries) == 1:
            lose(tx)
        return woken

    step.work = interrupted
    house.run()
    assert len(tries) == 2
    assert house.delivered() == ["captured"] * 20
    assert len(deliveries) == len(house.opvs()) == len(house.captures())


def test_a_real_deadlock_is_repeated(start_on_postgresql: Start) -> None:
    house = start_on_postgresql()
    house.deliver_all([("site", lead(n)) for n in range(2)])
    house.run()
    one, other = (f"SELECT 1 FROM opportunities WHERE id = '{opv.id}' FOR UPDATE" for opv in house.opvs())
    house.deliver_all([("site", lead(n, id=f"again-{n}")) for n in range(2)])
    with house.database.engine.connect() as rival:
        rival.execute(text("SET LOCAL deadlock_timeout = '10s'"))
        rival.execute(text(other))

        def rival_goes_on() -> None:
            rival.execute(text(one))
            rival.rollback()

        thread = threading.Thread(target=rival_goes_on)
        step, tries = house.step("ingest"), []
        work = step.work

        def meet(tx: Connection, *rest: Any) -> Any:
            tries.append(rest)
            if len(tries) == 1:
                tx.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
                tx.execute(text(one))
                thread.start()
            return work(tx, *rest)

        step.work = meet
        house.run()
        thread.join()
    assert len(tries) == 2
    assert house.delivered() == ["captured"] * 4


def test_an_error_is_told_without_its_message() -> None:
    try:
        int("Maria Exemplo")
    except ValueError as error:
        told = fingerprint(error)
    assert told.startswith("ValueError at opv/test_step.py:")


def test_a_row_whose_lease_went_to_another_is_not_parked(start: Start) -> None:
    house = start()
    (delivery,) = house.deliver_all([("site", lead())])
    step = house.step("ingest")
    work = step.work

    def slow(tx: Connection, *rest: Any) -> Any:
        work(tx, *rest)
        raise ValueError

    step.work = slow
    runner: Any = house.steps._rounds["ingest"][0]
    park = runner._park

    def parked_late(*args: Any) -> None:
        house.clock.forward(seconds=61)
        step.work = work
        house.run()
        park(*args)

    runner._park = parked_late
    house.round("ingest")
    assert house.outcomes(delivery) == ["captured"]
    assert house.delivered() == ["captured"]

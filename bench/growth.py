"""What a lead and a sweep cost, and what processes hold in memory, as the database and the work behind them grow."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psutil
import psycopg
from sqlalchemy import text

from bench import load
from bench.everything import await_rows, requests
from bench.house import BenchHouse, house, plain_url
from bench.pipeline import deliver, process, steps_of
from bench.report import Figure, typical
from bench.stored import fill

FEW = 10_000
TIMERS = 100
ROUNDS = 5


def measure(many: int, leads: int) -> list[Figure]:
    """With `many` OPVs stored against a few: the cost of a lead, measured on so many at a time, and of a sweep."""
    with house("few") as few, house("many") as large:
        fill(few, FEW)
        fill(large, many)
        numbers = iter(range(0, 10**9, leads))
        costs = _in_turns(few, large, lambda it: _cost_of_leads(it, leads, next(numbers)))
        sweeps = _in_turns(few, large, _cost_of_sweep)
    return [
        Figure(f"growth: a lead with {many:,} OPVs stored, by one with {FEW:,}", "µs", *costs, 1.2, at_most=True),
        Figure(
            f"growth: a sweep with {TIMERS} timers due among {many:,} OPVs, by {FEW:,}",
            "ms",
            *sweeps,
            1.5,
            at_most=True,
        ),
    ]


def memory(first: int, then: int) -> list[Figure]:
    """Memory of web and worker after `then` leads, by that after the `first`."""
    with (
        house("memory") as it,
        it.process("-m", "porteiro", "web", ready="/healthz") as web,
        it.process("-m", "porteiro", "worker") as worker,
        psycopg.connect(plain_url(it.url), autocommit=True) as connection,
    ):
        held = []
        for begin, end in ((0, first), (first, then)):
            load.run(it.port, requests(it, end - begin, begin), connections=8)
            await_rows(connection, "automation_runs", end, seconds=900)
            held.append({name: _held(process_.pid) for name, process_ in (("web", web), ("worker", worker))})
    return [
        Figure(
            f"memory of {name} after {then:,} leads, by that after {first:,}", "MB", held[1][name], held[0][name],
            held[1][name] / held[0][name], 1.1, at_most=True,
        )
        for name in ("web", "worker")
    ]  # fmt: skip


def _in_turns(few: BenchHouse, large: BenchHouse, cost: Callable[[BenchHouse], float]) -> tuple[float, float, float]:
    """The typical cost of the large one and of the small one, and of their ratios, each measured just before or after
    the other."""
    cost(few), cost(large)  # warm
    pairs = []
    for number in range(ROUNDS):
        first, second = (few, large) if number % 2 else (large, few)
        found = {id(first): cost(first), id(second): cost(second)}
        pairs.append((found[id(large)], found[id(few)]))
    return (
        typical([a for a, _ in pairs]), typical([b for _, b in pairs]), typical([a / b for a, b in pairs]),
    )  # fmt: skip


def _cost_of_leads(it: BenchHouse, leads: int, start: int) -> float:
    """Microseconds a lead."""
    deliver(it, leads, start=start)
    return 1e6 * process(it)[0] / leads


def _cost_of_sweep(it: BenchHouse) -> float:
    """Milliseconds until the timers that are due have run."""
    with it.database.write() as tx:
        chosen = "SELECT id FROM timers WHERE due_at > :now ORDER BY due_at DESC LIMIT :count"
        now = datetime.now(UTC)
        due = text(f"UPDATE timers SET due_at = :due WHERE id IN ({chosen})")
        moved = tx.execute(due, {"now": now, "due": now - timedelta(seconds=1), "count": TIMERS}).rowcount
    if moved != TIMERS:
        raise SystemExit(f"{moved} timers instead of {TIMERS} could be made due")
    steps = steps_of(it, lambda _: None)
    start = time.perf_counter()
    steps.run("automation")
    return 1e3 * (time.perf_counter() - start)


def _held(pid: int) -> float:
    """MB of a process and its children that nobody else shares."""
    root = psutil.Process(pid)
    return sum(one.memory_full_info().uss for one in (root, *root.children(recursive=True))) / 2**20

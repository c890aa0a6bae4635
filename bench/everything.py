"""Everything at once on this machine: posted, stored, processed, assigned; beside the one-table script."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import psycopg

from bench import load
from bench.house import BenchHouse, house, plain_url
from bench.one_table import SCHEMA
from bench.people import person
from bench.report import Figure, typical

CONNECTIONS = 32
ROUNDS = 3


def measure(leads: int) -> list[Figure]:
    """Leads a second from the first post to the last assignment, and CPU seconds of all processes."""
    ours, theirs, cpu = [], [], []
    for number in range(ROUNDS):
        with house("everything") as it, house("one_table") as other:
            rate, seconds = _ours(it, leads, number)
            ours.append(rate)
            cpu.append(1000 * seconds / leads)
            theirs.append(_one_table(other, leads))
    ratio = typical([a / b for a, b in zip(ours, theirs, strict=True)])
    spent = typical(cpu)
    return [
        Figure("everything at once, by the one-table script", "leads/s", typical(ours), typical(theirs), ratio, 0.6),
        Figure(
            "CPU of 1,000 leads, all processes", "s", spent, None, spent, 1.5, at_most=True,
            note="web, worker, PostgreSQL, message broker",
        ),
    ]  # fmt: skip


def _ours(it: BenchHouse, leads: int, round_: int) -> tuple[float, float]:
    made = _requests(it, leads, round_)
    with (
        it.process("-m", "porteiro", "web", ready="/healthz") as web,
        it.process("-m", "porteiro", "worker") as worker,
        psycopg.connect(plain_url(it.url), autocommit=True) as connection,
    ):
        load.run(it.port, iter(_requests(it, 50, 90 + round_)), connections=4)  # warm-up
        await_rows(connection, "assignments", 50)
        before = _cpu(web.pid, worker.pid)
        start = time.perf_counter()
        measured = load.run(it.port, iter(made), connections=CONNECTIONS)
        if set(measured.statuses) != {200}:
            raise SystemExit(f"intake answered {measured.statuses}")
        await_rows(connection, "assignments", leads + 50)
        seconds = time.perf_counter() - start
        await_rows(connection, "automation_runs", leads + 50)
        return leads / seconds, _cpu(web.pid, worker.pid) - before


def _one_table(other: BenchHouse, leads: int) -> float:
    with psycopg.connect(plain_url(other.url), autocommit=True) as connection:
        for statement in SCHEMA:
            connection.execute(statement)
    made = _requests(other, leads, 0)
    with other.process("-m", "bench.one_table", ready="/healthz"):
        load.run(other.port, iter(_requests(other, 50, 90)), connections=4)
        start = time.perf_counter()
        measured = load.run(other.port, iter(made), connections=CONNECTIONS)
        if set(measured.statuses) != {200}:
            raise SystemExit(f"the one-table script answered {measured.statuses}")
        return leads / (time.perf_counter() - start)


def _requests(it: BenchHouse, leads: int, round_: int) -> list[bytes]:
    return list(requests(it, leads, round_ * 1_000_000))


def requests(it: BenchHouse, leads: int, start: int) -> Iterator[bytes]:
    """Signed requests, each of another person."""
    for number in range(start, start + leads):
        headers, body = it.sample("zap", number, person(number))
        yield load.post("127.0.0.1", it.port, "/hooks/zap", headers, body)


def await_rows(connection: psycopg.Connection, table: str, count: int, *, seconds: float = 120) -> None:
    """Waits until the table has so many rows."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        if row and row[0] >= count:
            return
        time.sleep(0.01)
    raise SystemExit(f"{table} did not reach {count} rows within {seconds:.0f} s")


def _cpu(*pids: int) -> float:
    """CPU seconds so far of these processes' trees, of PostgreSQL and of the message broker, ended ones included."""
    roots = [psutil.Process(pid) for pid in pids]
    for process in psutil.process_iter(["name", "cmdline"]):
        name, line = process.info["name"] or "", " ".join(process.info["cmdline"] or [])
        if (name == "postgres" and " -D " in line) or name.startswith("beam"):
            roots.append(process)
    return sum(_tree(root) for root in roots)


def _tree(root: psutil.Process) -> float:
    seconds = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds

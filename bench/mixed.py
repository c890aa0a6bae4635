"""A day of mixed traffic from every source, with all that goes wrong on one: what came of it, beside what must."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from bench.house import BenchHouse, free_port, house
from bench.reckoning import differences, expected_outcomes, outcomes, refused
from bench.report import Figure
from bench.senders import Senders
from bench.traffic import DENIED, Day, Truth
from db.queries.work import work
from porteiro.send import serve_api

PROCESSES = ("worker", "worker", "beat")
PATIENCE = 900.0
"""Seconds until work that does not come to rest is taken never to."""
SHOWN = 20
"""Differences that are printed."""


def measure(deliveries: int) -> list[Figure]:
    """Deliveries a second from the first post to the last work done, and in how many places the database says
    otherwise than the ground truth: none is right."""
    api = ("127.0.0.1", free_port())
    senders = Senders(f"http://127.0.0.1:{api[1]}")
    day = Day(deliveries, senders)
    with ExitStack() as running:
        it = running.enter_context(house("mixed", senders.configuration(DENIED), senders.environment))
        running.enter_context(serve_api(api, senders.answers))
        running.enter_context(it.process("-m", "porteiro", "web", ready="/healthz"))
        for kind in PROCESSES:
            running.enter_context(it.process("-m", "porteiro", kind))
        start = time.perf_counter()
        statuses = day.run(it.port, lambda: _rest(it))
        rate = deliveries / (time.perf_counter() - start)
        wrong = [] if statuses == day.truth.statuses else [f"answers {statuses} instead of {day.truth.statuses}"]
        wrong += _compare(it, day.truth)
    what = f"a day of mixed traffic: differences from its {deliveries:,} deliveries' ground truth"
    note = f"{len(senders.channels)} channels, {rate:,.0f} deliveries/s to the end of all work"
    return [Figure(what, "", len(wrong), None, len(wrong), 0, at_most=True, note=note)]


def _compare(it: BenchHouse, truth: Truth) -> list[str]:
    with it.database.read() as tx:
        until = time.monotonic() + 10
        while refused(tx) != truth.refused and time.monotonic() < until:
            time.sleep(0.2)
        wrong = list(differences(tx, truth))
        found, expected = outcomes(tx), expected_outcomes(truth)
    table = Table("outcome", "found", "ground truth", title="A day of mixed traffic")
    for outcome in sorted(found.keys() | expected.keys()):
        table.add_row(outcome, f"{found[outcome]:,}", f"{expected[outcome]:,}")
    console = Console(width=130)
    console.print(table)
    for one in itertools.islice(wrong, SHOWN):
        console.print(f"different: {one}", markup=False)
    return wrong


def _rest(it: BenchHouse) -> None:
    """Returns when no step has work, now or later."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with it.database.read() as tx:
            steps = work(tx, datetime.now(UTC))
        if not any(step.depth for step in steps):
            return
        time.sleep(0.2)
    raise SystemExit(f"work does not come to rest: {', '.join(f'{s.step} {s.depth}' for s in steps)}")

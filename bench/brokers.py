"""What a decision costs with 500 brokers in a queue, beside one with 5: the real step, on two databases in turns."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from bench.house import BenchHouse, house
from bench.past import fill_waiting, house_text
from bench.report import Figure, typical
from opv.distribution.decide import Distribute
from opv.step import Runner

MANY, FEW = 500, 5
AT_MOST = 1.2

_QUEUES = {
    "in turns, in their shifts": "{teams: [t0]}",
    "fewest open first, with caps": "{teams: [t0], strategy: least_open, caps: {day: 100000}}",
}
_SHIFTS = ', shifts: ["mon-sun,holidays 00:00-24:00"]'


def measure(batches: int) -> list[Figure]:
    """A figure a kind of queue: microseconds a lead, and the median of the ratios of neighbouring batches."""
    return [_compare(kind, queue, batches) for kind, queue in _QUEUES.items()]


def _compare(kind: str, queue: str, batches: int) -> Figure:
    with ExitStack() as running:
        many, few = (
            running.enter_context(house(f"of{size}", house_text(queue, team_of=size, of_broker=_SHIFTS)))
            for size in (MANY, FEW)
        )
        batch = Distribute.work_list.batch
        for it in (many, few):
            fill_waiting(it, (batches + 1) * batch, datetime.now(UTC) - timedelta(hours=1))
        for it in (many, few):
            _batch(it)  # members take their seats
        seconds: dict[int, list[float]] = {id(many): [], id(few): []}
        for number in range(batches):
            order = (many, few) if number % 4 in (0, 3) else (few, many)
            for it in order:
                seconds[id(it)].append(_batch(it))
    ratios = [ours / limit for ours, limit in zip(seconds[id(many)], seconds[id(few)], strict=True)]
    costs = [1e6 * typical(of) / batch for of in seconds.values()]
    what = f"distribution: {MANY} brokers in a queue against {FEW}, {kind}"
    return Figure(what, "µs a lead", costs[0], costs[1], typical(ratios), AT_MOST, at_most=True)


def _batch(it: BenchHouse) -> float:
    """Seconds of one full batch."""
    runner = Runner(it.database, Distribute(), it.houses.current, lambda: datetime.now(UTC))
    start = time.perf_counter()
    progress = runner.round()
    seconds = time.perf_counter() - start
    if not progress.more:
        raise SystemExit("the batch was not full: the list ran out of leads")
    return seconds

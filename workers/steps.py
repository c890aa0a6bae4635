"""The steps as a process runs them: one round of a step, then what that round made ready."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from db.claim import WorkList
from db.queries.configuration import retry_undistributed
from db.session import Database
from opv.automation.events import RunEvents
from opv.automation.schedules import RunSchedules
from opv.automation.timers import RunTimers
from opv.automation.waits import RunWaiting
from opv.channels.chores import Upkeep
from opv.distribution.decide import Distribute
from opv.fetch import Fetch
from opv.house import HouseOf
from opv.ingest import IngestDeliveries, IngestFetched
from opv.outbound import Send
from opv.step import Clock, Progress, Runner, Step
from schemas.source import HttpClient
from schemas.target import Target
from workers.wake import Publish

log = logging.getLogger("porteiro.worker")

SMALL = 20
"""After a round of at most so many rows the next step runs at once: a wake-up would cost more than its work."""

INLINE = ("ingest", "distribution", "automation")
"""Steps that may run so; those that talk to the outside wait for a wake-up of their own."""

RETRY_UNDISTRIBUTED_EVERY = 2.0
LEFTOVER_SECONDS = 1.0

LEASE = timedelta(seconds=60)


class Rounds(Protocol):
    """What runs rounds over one work list of a step. `leftover` takes a row whose worker died at an earlier try."""

    name: str

    def round(self) -> Progress: ...
    def leftover(self) -> Progress: ...


class Leases(Protocol):
    """What leases the rows of a work list."""

    work_list: WorkList


L = TypeVar("L", bound=Leases)


class Steps:
    """All steps of one process. `run(step)` is what a wake-up does. Rows are leased for `lease`, for twice that
    where the outside is asked, for five times that where it is asked for much."""

    def __init__(
        self,
        database: Database,
        house_of: HouseOf,
        clock: Clock,
        http: HttpClient,
        targets: Mapping[str, Target],
        publish: Publish,
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._house_of = house_of
        self._clock = clock
        self._publish = publish
        self._next_retry = 0.0

        def runner(step: Step) -> Runner:
            return Runner(database, _leased(step, lease), house_of, clock)

        self._rounds: Mapping[str, Sequence[Rounds]] = {
            "ingest": [runner(IngestDeliveries()), runner(IngestFetched())],
            "fetch": [_leased(Fetch(database, house_of, clock, http), 2 * lease)],
            "distribution": [runner(Distribute())],
            "automation": [
                runner(RunEvents()),
                runner(RunTimers()),
                runner(RunWaiting()),
                _leased(RunSchedules(database, house_of, clock), lease),
            ],
            "outbound": [_leased(Send(database, house_of, targets, clock), 2 * lease)],
            "upkeep": [_leased(Upkeep(database, house_of, clock, http), 5 * lease)],
        }

    def run(self, step: str) -> None:
        """A round of each of the step's work lists. What a small round made ready runs at once, before anything
        else: the first broker to call usually wins. A step with more to do is woken again rather than repeated, so
        that none starves another."""
        todo = deque(self._rounds[step])
        while todo:
            rounds = todo.popleft()
            progress = rounds.round()
            if progress.more:
                self._wake(rounds.name)
            for following in sorted(progress.woken, reverse=True):
                if progress.done > SMALL or following not in INLINE:
                    self._wake(following)
                else:
                    todo.extendleft(one for one in reversed(self._rounds[following]) if one not in todo)
        for rounds in self._rounds[step]:
            self._take_leftovers(rounds, step)
        if step == "distribution":
            self._retry_undistributed()

    def _take_leftovers(self, rounds: Rounds, step: str) -> None:
        """Rows whose worker died, one after the other for a moment: a batch of them should not take minutes."""
        until = time.monotonic() + LEFTOVER_SECONDS
        woken: set[str] = set()
        more = True
        while more and time.monotonic() < until:
            progress = rounds.leftover()
            woken |= progress.woken
            more = progress.more
        for name in sorted(woken | ({step} if more else set())):
            self._wake(name)

    def functions(self) -> dict[str, Callable[[], None]]:
        """`run` of each step, by its name."""
        return {step: partial(self.run, step) for step in self._rounds}

    def _retry_undistributed(self) -> None:
        if time.monotonic() < self._next_retry:
            return
        self._next_retry = time.monotonic() + RETRY_UNDISTRIBUTED_EVERY
        with self._database.write() as tx:
            retry_undistributed(tx, self._house_of(tx).version, self._clock())

    def _wake(self, step: str) -> None:
        try:
            self._publish(step)
        except Exception as error:
            log.warning("message broker does not take wake-ups (%s); the sweep finds the work", type(error).__name__)


def _leased(worker: L, lease: timedelta) -> L:
    worker.work_list = replace(worker.work_list, lease=lease)
    return worker

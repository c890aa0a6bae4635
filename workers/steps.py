"""The steps as a process runs them: one round of a step, then what that round made ready."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from db.session import Database
from opv.automation.run import RunEvents, RunTimers
from opv.distribution.decide import Distribute, retry_undistributed
from opv.fetch import Fetch
from opv.house import HouseOf
from opv.ingest import IngestDeliveries, IngestFetched
from opv.outbound import Send
from opv.step import Clock, Progress, Runner
from schemas.source import HttpClient
from schemas.target import Target
from workers.wake import Publish

log = logging.getLogger("porteiro.worker")

SMALL = 20
"""After a round of at most so many rows the next step runs at once: a wake-up would cost more than its work."""

INLINE = ("ingest", "distribution", "automation")
"""Steps that may run so; those that talk to the outside wait for a wake-up of their own."""

RETRY_UNDISTRIBUTED_EVERY = 2.0


class Rounds(Protocol):
    """What runs rounds of a step."""

    def round(self) -> Progress: ...


class Steps:
    """All steps of one process. `run(step)` is what a wake-up does."""

    def __init__(
        self,
        database: Database,
        house_of: HouseOf,
        clock: Clock,
        http: HttpClient,
        targets: Mapping[str, Target],
        publish: Publish,
    ) -> None:
        self._database = database
        self._house_of = house_of
        self._clock = clock
        self._publish = publish
        self._next_retry = 0.0
        self._rounds: Mapping[str, Sequence[Rounds]] = {
            "ingest": [Runner(database, step, house_of, clock) for step in (IngestDeliveries(), IngestFetched())],
            "fetch": [Fetch(database, house_of, clock, http)],
            "distribution": [Runner(database, Distribute(), house_of, clock)],
            "automation": [Runner(database, step, house_of, clock) for step in (RunEvents(), RunTimers())],
            "outbound": [Send(database, targets, clock)],
        }

    def run(self, step: str) -> None:
        """One round of the step; then the next steps, at once when the round was small, else by a wake-up. A step
        with more to do is woken again rather than repeated, so that none starves another."""
        waiting = [step]
        while waiting:
            current = waiting.pop(0)
            if current == "distribution":
                self._retry_undistributed()
            for rounds in self._rounds[current]:
                progress = rounds.round()
                if progress.more:
                    self._wake(current)
                for following in sorted(progress.woken):
                    if progress.done > SMALL or following not in INLINE:
                        self._wake(following)
                    elif following not in waiting:
                        waiting.append(following)

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

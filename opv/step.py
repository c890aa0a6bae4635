"""How a step of the pipeline does its work: claim a batch, work it in one transaction, split it only on data errors.

Deadlocks, serialization failures and lost connections repeat the batch; anything else unexpected halves it until
the one row that fails is alone, which is parked with its reason while the others go on.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from db.claim import WorkList, claim, held
from db.session import Database, is_transient
from opv.house import House, HouseOf

log = logging.getLogger("porteiro.step")

Clock = Callable[[], datetime]

T = TypeVar("T")

REPEATS = 4
"""Times a batch is tried when the database says that trying again may work."""

LEFTOVER_GAP = 0.5
"""Seconds between looks for rows whose worker died, in one process."""


class Step(Protocol):
    """One work list and what is done with its rows."""

    name: str
    work_list: WorkList

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Works the rows that still hold the token; returns the steps that find new work after the commit."""

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Ends the row visibly: kept, listed with the reason, replayable."""


@dataclass(slots=True)
class Progress:
    """What one round did: rows worked, whether more may be due, and the steps to wake."""

    done: int = 0
    more: bool = False
    woken: set[str] = field(default_factory=set)


class Runner:
    """Runs rounds of one step in one process."""

    def __init__(self, database: Database, step: Step, house_of: HouseOf, clock: Clock) -> None:
        self._database = database
        self._step = step
        self._house_of = house_of
        self._clock = clock
        self.name = step.name
        self._next_leftover = 0.0

    def round(self) -> Progress:
        """One batch of rows that were never tried."""
        progress = Progress()
        with self._database.single() as tx:
            fresh = claim(tx, self._step.work_list, self._clock(), tried=False)
        if fresh:
            progress.done = len(fresh.ids)
            progress.more = progress.done >= self._step.work_list.batch
            progress.woken = self._work(fresh.ids, fresh.token)
        return progress

    def leftover(self) -> Progress:
        """One row whose worker died at an earlier try; given up after its last one. Looked for now and then."""
        progress = Progress()
        if time.monotonic() < self._next_leftover:
            return progress
        with self._database.single() as tx:
            tried = claim(tx, self._step.work_list, self._clock(), tried=True)
        if tried is None:
            self._next_leftover = time.monotonic() + LEFTOVER_GAP
            return progress
        progress.done, progress.more = 1, True
        if tried.exhausted:
            log.error("%s: a row was given up after it ended its worker each time", self.name)
            tries = self._step.work_list.max_attempts
            self._park(tried.ids[0], tried.token, "worker_killed", f"its worker died at each of {tries} tries")
        else:
            progress.woken = self._work(tried.ids, tried.token)
        return progress

    def _work(self, ids: Sequence[UUID], token: UUID) -> set[str]:
        try:
            return self._repeated(ids, token)
        except Exception as error:
            if is_transient(error):
                raise
            if len(ids) == 1:
                log.error("%s: a row was parked: %s", self._step.name, fingerprint(error))  # noqa: TRY400 - no message, see fingerprint
                self._park(ids[0], token, "bug", fingerprint(error))
                return set()
        half = len(ids) // 2
        return self._work(ids[:half], token) | self._work(ids[half:], token)

    def _repeated(self, ids: Sequence[UUID], token: UUID) -> set[str]:
        def work(tx: Connection) -> set[str]:
            return self._step.work(tx, ids, token, self._house_of(tx), self._clock())

        return repeated(self._database, work)

    def _park(self, id_: UUID, token: UUID, reason: str, detail: str) -> None:
        with self._database.write() as tx:
            if held(tx, self._step.work_list, [id_], token):
                self._step.park(tx, id_, reason, detail, self._clock())


def repeated(database: Database, work: Callable[[Connection], T]) -> T:
    """Does the work in a unit of its own, and anew when the database says that trying again may help."""
    for attempt in range(1, REPEATS + 1):
        try:
            with database.write() as tx:
                return work(tx)
        except Exception as error:
            if attempt == REPEATS or not is_transient(error):
                raise
            time.sleep(0.02 * attempt)
    raise AssertionError("unreachable")


def fingerprint(error: BaseException) -> str:
    """Type and innermost place of an error. Never its message: that may hold what a person typed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename] or frames
    where = f"{'/'.join(PurePath(own[-1].filename).parts[-2:])}:{own[-1].lineno}" if own else "?"
    return f"{type(error).__name__} at {where}"

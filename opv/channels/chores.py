"""The upkeep step: chores that come due again and again, as rows. One chore a round, under a lease that a long one
renews; what it did counts only while it still holds the lease."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.claim import Claim, WorkList, claim_one
from db.models import Base
from db.session import AnyRow, Database
from opv import retired_stages as stages
from opv.automation import older
from opv.batch import Batch
from opv.channels.alarms import HOUSE
from opv.channels.health import keep_alarms, kept
from opv.channels.hours import count_hours
from opv.channels.plan import (
    ARM,
    CHECK,
    CHECKPOINT,
    HEALTH,
    HOURS,
    JITTER,
    RECONCILE,
    RETENTION,
    RETIRED_STAGES,
    begin,
    every,
    plan,
    window,
)
from opv.channels.reconcile import SETTLE, Pull, Pulled
from opv.checkpoints import Taken, seal, until_next
from opv.house import House, HouseOf
from opv.retention import Walk, blank_some
from opv.retry import next_try
from opv.step import Clock, Progress, fingerprint
from schemas.errors import Bug, Park, PorteiroError, Retry
from schemas.source import Entrance, HttpClient

_CHORES = Base.metadata.tables["chores"]

BUDGET = 10.0
"""Seconds after which a pull makes room for other work; it goes on in the next round."""

TROUBLED_EVERY = timedelta(minutes=30)
"""How soon, at the latest, a chore is done again that needs a person to be done well."""

log = logging.getLogger("porteiro.upkeep")


@dataclass(slots=True)
class Turn:
    """One run of a chore. `again`: when it comes due, sooner than usual; `covered`: up to when it is done; `state`:
    what it keeps until the next one."""

    row: AnyRow
    token: UUID
    house: House
    entrance: Entrance | None
    covered: datetime | None
    state: str
    again: timedelta | None = None
    woken: set[str] = field(default_factory=set)


class Upkeep:
    """Runs rounds of the upkeep step in one process: one chore a round."""

    name = "upkeep"
    work_list = WorkList(_CHORES, "key", batch=1, lease=timedelta(minutes=5), max_attempts=3)
    budget = BUDGET

    def __init__(self, database: Database, house_of: HouseOf, clock: Clock, http: HttpClient) -> None:
        self._database = database
        self._house_of = house_of
        self._clock = clock
        self._http = http
        self._begun = False
        self._random = Random()  # noqa: S311 - jitter, no secret
        self._chores: dict[str, Callable[[Turn], None]] = {
            HOURS: self._count_hours,
            HEALTH: self._look_after_health,
            RECONCILE: self._reconcile,
            CHECK: self._ask_platform,
            CHECKPOINT: self._take_checkpoint,
            RETENTION: self._keep_no_longer,
            ARM: self._begin_times,
            RETIRED_STAGES: self._leave_stages,
        }

    def round(self) -> Progress:
        """Does the chore that has been due the longest; when none is, that costs one statement."""
        if not self._begun:
            with self._database.write() as tx:
                begin(tx, HEALTH, HOUSE, self._clock())  # which plans the others
            self._begun = True
        with self._database.single() as tx:
            taken = claim_one(tx, self.work_list, self._clock())
        return Progress(1, True, self._run(taken)) if taken else Progress()

    def leftover(self) -> Progress:
        """`round` takes those too whose worker died."""
        return Progress()

    def _run(self, taken: Claim) -> set[str]:
        turn: Turn | None = None
        error: PorteiroError | None = None
        try:
            turn = self._turn(taken)
            self._chores[turn.row.key.partition(":")[0]](turn)
        except PorteiroError as failed:
            error = failed
        except Exception as failed:
            log.error("chore %s failed: %s", taken.ids[0], fingerprint(failed))  # noqa: TRY400 - see fingerprint
            error = Bug("bug", fingerprint(failed))
        self._end(taken, turn, error)
        return turn.woken if turn else set()

    def _turn(self, taken: Claim) -> Turn:
        began = self._clock()
        with self._database.read() as tx:
            house = self._house_of(tx)
            row = tx.execute(select(*_CHORES.c).where(_CHORES.c.key == taken.ids[0])).one()
        if taken.exhausted:
            raise Park("worker_killed", "its worker died at each try")
        return Turn(row, taken.token, house, house.entrances.get(row.channel), began, row.state)

    def _end(self, taken: Claim, turn: Turn | None, error: PorteiroError | None) -> None:
        """Plans the next run."""
        c, now = _CHORES.c, self._clock()
        failed = error is not None and error.reason != "not_configured"
        values: dict[str, Any] = {
            "due_at": self._due(turn, error, now), "lease": None, "attempts": 0,
            "reason": error.reason if error else None, "failures": c.failures + 1 if failed else 0,
        }  # fmt: skip
        if turn is not None:
            values["state"] = turn.state
            if error is None and turn.covered is not None:
                values["last_at"] = turn.covered
        with self._database.write() as tx:
            held = (c.key == taken.ids[0], c.lease == taken.token)
            tx.execute(update(_CHORES).where(*held).values(**values))

    def _due(self, turn: Turn | None, error: PorteiroError | None, now: datetime) -> datetime | None:
        """When a chore is done again; never, when it is not in the configuration any more."""
        usual = every(turn.row.key, turn.house) if turn else TROUBLED_EVERY
        if usual is None:
            return None
        if turn is not None and turn.again is not None:
            usual = min(usual, turn.again)
        due = now + usual * self._random.uniform(1 - JITTER, 1 + JITTER)
        if error is None:
            return due
        if isinstance(error, Park):
            return min(due, now + TROUBLED_EVERY) if error.reason != "not_configured" else due
        after = error.after if isinstance(error, Retry) else None
        retried = next_try(turn.row.failures + 1 if turn else 1, now, self._random, after)
        return min(due, retried) if retried else due

    def _count_hours(self, turn: Turn) -> None:
        count_hours(self._database, self._clock(), turn.row.last_at)

    def _look_after_health(self, turn: Turn) -> None:
        before, now = json.loads(turn.state), self._clock()
        refused = {int(channel): times for channel, times in before.get("refused", {}).items()}
        with self._database.write() as tx:
            plan(tx, turn.house, now, renewed=before.get("version") != turn.house.version)
            after, told = keep_alarms(tx, turn.house, now, refused)
        turn.state = json.dumps({"version": turn.house.version, "refused": after})
        turn.woken |= {"outbound"} if told else set()

    def _reconcile(self, turn: Turn) -> None:
        """Pulls page by page, for some seconds. What fails but may succeed later goes on from the same page."""
        if turn.entrance is None or turn.entrance.retired:
            return
        since = _since(turn.row, window(turn.entrance.key, turn.house), self._clock())
        pulled = Pulled.read(turn.state) or Pulled.begin(since, self._clock())
        pull = Pull(
            self._database, turn.house, turn.entrance, self._http, self._clock,
            lambda tx, at: self._keep(tx, turn, "{}" if at.place is None else at.text()),
        )  # fmt: skip
        until, turn.covered = time.monotonic() + self.budget, None
        try:
            while True:
                pulled = pull.page(pulled)
                turn.woken |= {"ingest", "outbound"} if pulled.found else set()
                if pulled.place is None:
                    turn.covered = pulled.started_at
                    return
                if time.monotonic() >= until:
                    turn.again = timedelta()
                    return
        except Retry:
            raise
        except Exception as error:
            turn.state = "{}"
            pull.fail(pulled, error.reason if isinstance(error, PorteiroError) else "bug")
            raise

    def _keep(self, tx: Connection, turn: Turn, state: str) -> None:
        self._hold(tx, turn, state)
        turn.state = state

    def _hold(self, tx: Connection, turn: Turn, state: str) -> None:
        """Goes on holding the chore, with what it keeps from now on."""
        c = _CHORES.c
        held = update(_CHORES).where(c.key == turn.row.key, c.lease == turn.token)
        if not tx.execute(held.values(state=state, due_at=self._clock() + self.work_list.lease)).rowcount:
            raise Retry("lease_lost", "another worker goes on with it")

    def _take_checkpoint(self, turn: Turn) -> None:
        """Seals and takes the day's checkpoint soon after the day (UTC) is over, for some seconds at a time."""
        until = time.monotonic() + self.budget

        def keep(tx: Connection, state: str) -> None:
            self._keep(tx, turn, state)

        for done in seal(self._database, turn.house, self._clock, keep, turn.state, daily=True):
            if isinstance(done, Taken):
                turn.woken |= {"outbound"} if done.told else set()
            elif time.monotonic() >= until:
                turn.again, turn.covered = timedelta(), None
                return
        turn.again = until_next(self._clock())

    def _keep_no_longer(self, turn: Turn) -> None:
        """Blanks raw requests whose time is over, for some seconds at a time."""
        until, retention = time.monotonic() + self.budget, turn.house.configuration.retention
        walk, blanked = Walk.of(turn.state, retention, self._clock()), 1
        while blanked:
            with self._database.write() as tx:
                blanked, walk = blank_some(tx, walk, self._clock())
                self._keep(tx, turn, walk.text())
            if blanked and time.monotonic() >= until:
                turn.again, turn.covered = timedelta(), None
                return

    def _begin_times(self, turn: Turn) -> None:
        """Starts an automation's times for OPVs that were there before it, for some seconds at a time."""
        checked = turn.house.triggers.older.get(turn.row.key.partition(":")[2])
        if checked is None:
            return
        until, walk = time.monotonic() + self.budget, older.Walk.of(turn.state, checked)
        while not walk.over:
            with self._database.write() as tx:
                walk = older.begin_some(tx, turn.house, checked, walk, self._clock())
                self._hold(tx, turn, walk.text())
            turn.state = walk.text()  # once it is committed: an OPV that was passed over is not looked at again
            turn.woken.add("automation")
            if not walk.over and time.monotonic() >= until:
                turn.again, turn.covered = timedelta(), None
                return

    def _leave_stages(self, turn: Turn) -> None:
        """Moves OPVs out of stages that are gone, for some seconds at a time."""
        until, moved = time.monotonic() + self.budget, 1
        while moved:
            with self._database.write() as tx:
                batch = Batch(self._house_of(tx), self._clock())
                moved, walk = stages.move_some(tx, batch, stages.Walk.of(turn.state, batch.house))
                self._keep(tx, turn, walk.text())
            turn.woken |= batch.woken
            if moved and time.monotonic() >= until:
                turn.again, turn.covered = timedelta(), None
                return

    def _ask_platform(self, turn: Turn) -> None:
        """Keeps what the platform says of the channel, for `health` to judge."""
        if turn.entrance is None or turn.entrance.retired:
            return
        checked = turn.entrance.source.check(turn.entrance, self._http)
        turn.state = kept(checked)
        turn.again = TROUBLED_EVERY if any(not one.ok for one in checked) else None


def _since(row: AnyRow, window: timedelta, now: datetime) -> datetime:
    """From when leads are asked for: the window, what the last good pull left out, but nothing from before the
    channel's time."""
    since = now - window if row.last_at is None else min(now - window, row.last_at - 2 * SETTLE)
    planned: datetime = row.planned_at
    return max(since, planned)

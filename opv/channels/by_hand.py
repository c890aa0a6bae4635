"""What a person asks for that upkeep also does by the clock. Reconciliation takes the lease of its chore: never both
at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.ids import new_id
from db.models import Base
from db.session import Database
from opv.channels.alarms import HOUSE
from opv.channels.health import kept
from opv.channels.plan import CHECK, CHECKPOINT, RECONCILE, begin, of_channel
from opv.channels.reconcile import Pull, Pulled
from opv.checkpoints import Taken, Taking, seal
from opv.house import House
from opv.step import Clock
from schemas.errors import PorteiroError, Reject, Retry
from schemas.source import Checked, Entrance, HttpClient

_CHORES = Base.metadata.tables["chores"]

LEASE = timedelta(minutes=2)
PATIENCE = 60.0
"""Seconds to wait for deliveries that have to be read first, those of the pull itself included."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A chore's lease, and what to give back with it."""

    key: str
    token: UUID
    planned_at: datetime
    due_at: datetime | None

    def keep(self, tx: Connection, clock: Clock) -> None:
        """Renews the lease. Raises `Retry` when another has it."""
        c = _CHORES.c
        held = update(_CHORES).where(c.key == self.key, c.lease == self.token)
        if not tx.execute(held.values(due_at=clock() + LEASE)).rowcount:
            raise Retry("lease_lost", f"another process does `{self.key}` now")


def reconcile(
    database: Database, house: House, entrance: Entrance, http: HttpClient, clock: Clock, since: datetime
) -> Iterator[Pulled]:
    """Asks the platform for the channel's leads since a moment and stores those that are missing; gives how far it
    is after each page. No alarm is raised when the time before the channel's own is asked for too. Raises `Retry` or
    `Park` as the source does, `Reject` when the source cannot, or when the channel is being reconciled already."""
    if not entrance.source.reads_back:
        raise Reject("no_read_api", f"{entrance.source.title} has no API that gives leads back", 409)
    busy = f"{entrance.key} is being reconciled by another process: try again in a minute"
    with _lease(
        database, of_channel(RECONCILE, entrance.key), entrance.id, clock, Reject("reconciling", busy, 409)
    ) as held:
        pull = Pull(
            database, house, entrance, http, clock,
            keep=lambda tx, _: held.keep(tx, clock), quiet=since < held.planned_at,
        )  # fmt: skip
        pulled = Pulled.begin(since, clock())
        try:
            while True:
                pulled = _page(pull, pulled)
                yield pulled
                if pulled.place is None:
                    return
        except BaseException as error:  # the person's Ctrl-C too
            pull.fail(pulled, error.reason if isinstance(error, PorteiroError) else "interrupted")
            raise


def check(database: Database, entrance: Entrance, http: HttpClient, clock: Clock) -> Sequence[Checked]:
    """What the platform says of the channel; kept, so that alarms and lists follow it. Raises `Retry` or `Park`."""
    checked = entrance.source.check(entrance, http)
    if checked:
        key = of_channel(CHECK, entrance.key)
        with database.write() as tx:
            begin(tx, key, entrance.id, clock())
            tx.execute(update(_CHORES).where(_CHORES.c.key == key).values(state=kept(checked), reason=None))
    return checked


def take_checkpoint(database: Database, house: House, clock: Clock) -> Iterator[Taking | Taken | None]:
    """Seals the reads of the days that are over and takes a checkpoint now; gives how far it is, at last the
    checkpoint. Raises `Reject` when one is being taken already."""
    busy = Reject("checkpoint_running", "another process takes a checkpoint: try again in a minute", 409)
    with _lease(database, CHECKPOINT, HOUSE, clock, busy) as held:
        yield from seal(database, house, clock, lambda tx, _: held.keep(tx, clock))


def _page(pull: Pull, pulled: Pulled) -> Pulled:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return pull.page(pulled)
        except Retry as error:
            if error.reason != "deliveries_waiting" or time.monotonic() > until:
                raise
        time.sleep(1)


@contextmanager
def _lease(database: Database, key: str, channel: int, clock: Clock, busy: Reject) -> Iterator[_Held]:
    """A chore's lease for the time of a command. Raises `busy` when another process has it."""
    c, token = _CHORES.c, new_id()
    with database.write() as tx:
        now = clock()
        begin(tx, key, channel, now)
        row = tx.execute(select(*_CHORES.c).where(c.key == key).with_for_update()).one()
        if row.lease is not None and row.due_at is not None and row.due_at > now:
            raise busy
        tx.execute(update(_CHORES).where(c.key == key).values(lease=token, due_at=now + LEASE))
    try:
        yield _Held(key, token, row.planned_at, row.due_at)
    finally:
        with database.write() as tx:
            mine = (c.key == key, c.lease == token)
            tx.execute(update(_CHORES).where(*mine).values(lease=None, due_at=row.due_at))

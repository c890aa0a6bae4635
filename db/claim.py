"""Claim, then work: how a worker takes rows of a work list so that a worker's death loses nothing.

A claim is one committed UPDATE that counts the attempt, sets a lease token and moves `due_at` to the end of the
lease: when the worker dies, the rows come due again by themselves. The work transaction re-locks the rows that
still hold the token, so a worker that slept past its lease changes nothing. A claim takes many rows that were
never tried, or **one** that was: a row that kills its worker is alone at its second try.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, and_, select, true, update

from db.bulk import any_of
from db.ids import new_id
from db.session import AnyRow


@dataclass(frozen=True, slots=True)
class WorkList:
    """Rows of `table` with `due_at` in the past (and `ready`): a step's work.

    The table has `due_at`, `lease` and `attempts`, and `key` as primary key. `attempts` counts claims whose work
    did not end: a step that ends a row's try in order, also in failure, sets it back to 0.
    """

    table: Table
    key: str
    batch: int
    lease: timedelta
    max_attempts: int
    ready: ColumnElement[bool] | None = None

    @property
    def id(self) -> ColumnElement[Any]:
        """The primary key's column."""
        return self.table.c[self.key]

    def is_ready(self) -> ColumnElement[bool]:
        """The state condition, as in the partial index."""
        return self.ready if self.ready is not None else true()


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows taken. `tried` says that it is one row whose earlier tries ended with the worker; `exhausted` that it
    has had its last one."""

    token: UUID
    ids: Sequence[UUID]
    tried: bool = False
    exhausted: bool = False


def claim(tx: Connection, work: WorkList, now: datetime, *, tried: bool, limit: int | None = None) -> Claim | None:
    """Takes the rows that are due, oldest first; None when there are none. Commit at once."""
    columns = work.table.c
    token = new_id()
    fresh = columns.attempts > 0 if tried else columns.attempts == 0
    due = (
        select(work.id)
        .where(work.is_ready(), columns.due_at <= now, fresh)
        .order_by(columns.due_at)
        .limit(1 if tried else (limit or work.batch))
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(work.table)
        .where(work.id.in_(due.scalar_subquery()))
        .values(due_at=now + work.lease, lease=token, attempts=columns.attempts + 1)
        .returning(work.id, columns.attempts)
    )
    rows = tx.execute(statement).all()
    if not rows:
        return None
    exhausted = tried and rows[0][1] > work.max_attempts
    return Claim(token, [row[0] for row in rows], tried, exhausted)


def held(
    tx: Connection, work: WorkList, ids: Sequence[UUID], token: UUID, *columns: ColumnElement[Any]
) -> Sequence[AnyRow]:
    """Re-locks the rows that still hold the token and reads them, in order of their key."""
    statement = (
        select(*(columns or tuple(work.table.c)))
        .where(and_(any_of(tx, work.id, ids), work.table.c.lease == token))
        .order_by(work.id)
        .with_for_update()
    )
    return tx.execute(statement).all()

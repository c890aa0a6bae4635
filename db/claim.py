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
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Integer, Table, Update, Uuid, bindparam, select, true, update

from db.ids import new_id
from db.models.base import UtcTime
from db.statement import Statement


@dataclass(frozen=True)
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

    @cached_property
    def held(self) -> Statement:
        """Rows `ids` that still hold `token`, re-locked and read in order of their key."""
        return Statement(
            lambda one_of: (
                select(*self.table.c)
                .where(one_of(self.id, "ids"), self.table.c.lease == bindparam("token", type_=Uuid()))
                .order_by(self.id)
                .with_for_update()
            )
        )

    @cached_property
    def claim_fresh(self) -> Statement:
        """Takes rows that were never tried."""
        return Statement(lambda _: self._claim(self.table.c.attempts == 0))

    @cached_property
    def claim_tried(self) -> Statement:
        """Takes rows that were."""
        return Statement(lambda _: self._claim(self.table.c.attempts > 0))

    @cached_property
    def claim_any(self) -> Statement:
        """Takes rows whether they were tried or not."""
        return Statement(lambda _: self._claim(true()))

    def _claim(self, which: ColumnElement[bool]) -> Update:
        columns = self.table.c
        ready = self.ready if self.ready is not None else true()
        due = (
            select(self.id)
            .where(ready, columns.due_at <= bindparam("now", type_=UtcTime()), which)
            .order_by(columns.due_at)
            .limit(bindparam("rows", type_=Integer()))
            .with_for_update(skip_locked=True)
        )
        return (
            update(self.table)
            .where(self.id.in_(due.scalar_subquery()))
            .values(
                due_at=bindparam("until", type_=UtcTime()),
                lease=bindparam("token", type_=Uuid()),
                attempts=columns.attempts + 1,
            )
            .returning(self.id.label("id"), columns.attempts)
        )


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
    token = new_id()
    statement = work.claim_tried if tried else work.claim_fresh
    many = 1 if tried else (limit or work.batch)
    rows = statement.rows(tx, now=now, until=now + work.lease, token=token, rows=many)
    if not rows:
        return None
    exhausted = tried and rows[0].attempts > work.max_attempts
    return Claim(token, [row.id for row in rows], tried, exhausted)


def claim_one(tx: Connection, work: WorkList, now: datetime) -> Claim | None:
    """Takes the one row that has been due the longest, in one statement; None when none is due. Commit at once."""
    token = new_id()
    rows = work.claim_any.rows(tx, now=now, until=now + work.lease, token=token, rows=1)
    if not rows:
        return None
    attempts = rows[0].attempts
    return Claim(token, [rows[0].id], attempts > 1, attempts > work.max_attempts)


def held(tx: Connection, work: WorkList, ids: Sequence[UUID], token: UUID) -> Sequence[Any]:
    """Re-locks the rows that still hold the token and reads them, in order of their key."""
    return work.held.rows(tx, ids=ids, token=token)

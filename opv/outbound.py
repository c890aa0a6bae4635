"""The outbound step: messages to people and systems, at least once, always with the same idempotency key.

Sending happens outside any transaction; retries live in the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.bulk import any_of, update_rows
from db.claim import WorkList, claim
from db.models import Base
from db.session import AnyRow, Database
from opv.retry import next_try
from opv.step import Clock, Progress, fingerprint
from schemas.errors import Park, PorteiroError, Retry
from schemas.target import Message, Target

_MESSAGES = Base.metadata.tables["outbound_messages"]


class Send:
    """Runs rounds of the outbound step in one process."""

    name = "outbound"
    work_list = WorkList(_MESSAGES, "id", batch=200, lease=timedelta(seconds=120), max_attempts=3)

    def __init__(self, database: Database, targets: Mapping[str, Target], clock: Clock) -> None:
        self._database = database
        self._targets = targets
        self._clock = clock
        self._random = Random()  # noqa: S311 - jitter, no secret

    def round(self) -> Progress:
        """Sends a batch of messages, and writes what came of each."""
        return self._round(tried=False)

    def leftover(self) -> Progress:
        """The same for one whose worker died."""
        return self._round(tried=True)

    def _round(self, *, tried: bool) -> Progress:
        progress = Progress()
        with self._database.write() as tx:
            taken = claim(tx, self.work_list, self._clock(), tried=tried)
            rows = _rows(tx, taken.ids) if taken else []
        if taken is None:
            return progress
        progress.done, progress.more = len(rows), taken.tried or len(rows) >= self.work_list.batch
        killed = Park("worker_killed", "its worker died at each try") if taken.exhausted else None
        results = [(row, killed or self._send(row)) for row in rows]
        with self._database.write() as tx:
            c = _MESSAGES.c
            where = (any_of(tx, c.id, taken.ids), c.lease == taken.token)
            held = set(tx.execute(select(c.id).where(*where).order_by(c.id).with_for_update()).scalars())
            now = self._clock()
            update_rows(
                tx, _MESSAGES, ("id",), [self._outcome(row, error, now) for row, error in results if row.id in held]
            )
        return progress

    def _send(self, row: AnyRow) -> PorteiroError | None:
        target = self._targets.get(row.target)
        if target is None:
            return Park("unknown_target", f"there is no target {row.target}")
        try:
            target.send(Message(row.idempotency_key, row.kind, row.recipient, row.body))
        except PorteiroError as error:
            return error
        except Exception as error:
            return Retry("bug", f"the target failed: {fingerprint(error)}")
        return None

    def _outcome(self, row: AnyRow, error: PorteiroError | None, now: datetime) -> dict[str, Any]:
        changes: dict[str, Any] = {
            "id": row.id, "state": "sent", "reason": None, "sent_at": now, "due_at": None, "lease": None,
            "attempts": 0, "failures": row.failures,
        }  # fmt: skip
        if error is None:
            return changes
        failures = row.failures + 1
        after = error.after if isinstance(error, Retry) else None
        due = next_try(failures, now, self._random, after) if isinstance(error, Retry) else None
        state = "parked" if due is None else "pending"
        return changes | {
            "state": state, "reason": error.reason, "sent_at": None, "due_at": due, "failures": failures,
        }  # fmt: skip


def _rows(tx: Connection, ids: Sequence[UUID]) -> Sequence[AnyRow]:
    c = _MESSAGES.c
    columns = (c.id, c.idempotency_key, c.target, c.kind, c.recipient, c.body, c.failures)
    return tx.execute(select(*columns).where(any_of(tx, c.id, ids)).order_by(c.id)).all()

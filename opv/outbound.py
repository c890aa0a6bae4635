"""The outbound step: messages to people and systems, at least once, always with the same idempotency key.

Sending happens outside any transaction; retries live in the row."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.bulk import any_of, update_rows
from db.claim import WorkList, claim
from db.models import Base
from db.queries.forwarding import KIND
from db.session import AnyRow, Database, commit_to_disk
from opv.forward import request_to_send
from opv.house import House, HouseOf
from opv.retry import next_try
from opv.step import Clock, Progress, fingerprint
from schemas.errors import Park, PorteiroError, Retry
from schemas.target import Message, Target

ROUND_SECONDS = 10.0
"""No message is begun after so long: what waits behind a slow system is left to the next round."""
THREADS = 8
NO_ANSWER = "no_answer"
"""Reason of a target whose system cannot be reached."""

_MESSAGES = Base.metadata.tables["outbound_messages"]


class Send:
    """Runs rounds of the outbound step in one process."""

    name = "outbound"
    work_list = WorkList(_MESSAGES, "id", batch=500, lease=timedelta(seconds=120), max_attempts=3)

    def __init__(self, database: Database, house_of: HouseOf, targets: Mapping[str, Target], clock: Clock) -> None:
        self._database = database
        self._house_of = house_of
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
            commit_to_disk(tx)
            taken = claim(tx, self.work_list, self._clock(), tried=tried)
            rows = _rows(tx, taken.ids) if taken else []
            house = self._house_of(tx) if any(row.kind == KIND for row in rows) else None
        if taken is None:
            return progress
        progress.done, progress.more = len(rows), taken.tried or len(rows) >= self.work_list.batch
        if taken.exhausted:
            killed = Park("worker_killed", "its worker died at each try")
            results: list[tuple[AnyRow, PorteiroError | None]] = [(row, killed) for row in rows]
        else:
            results = self._send_all(rows, house)
            progress.more = progress.more or len(results) < len(rows)
        put_off = {row.id for row in rows} - {row.id for row, _ in results}
        with self._database.write() as tx:
            c = _MESSAGES.c
            where = (any_of(tx, c.id, taken.ids), c.lease == taken.token)
            held = set(tx.execute(select(c.id).where(*where).order_by(c.id).with_for_update()).scalars())
            now = self._clock()
            update_rows(
                tx, _MESSAGES, ("id",), [self._outcome(row, error, now) for row, error in results if row.id in held]
            )
            again = [{"id": id_, "due_at": now, "lease": None, "attempts": 0} for id_ in sorted(put_off & held)]
            update_rows(tx, _MESSAGES, ("id",), again)
        return progress

    def _send_all(self, rows: Sequence[AnyRow], house: House | None) -> list[tuple[AnyRow, PorteiroError | None]]:
        """What came of each message that there was time for. Who did not answer once is not asked again this round."""
        until = time.monotonic() + min(ROUND_SECONDS, self.work_list.lease.total_seconds() / 4)
        silent: dict[tuple[str, str], Retry] = {}

        def send(row: AnyRow) -> tuple[AnyRow, PorteiroError | None] | None:
            if time.monotonic() > until:
                return None
            place = (row.target, row.recipient)
            error = silent.get(place) or self._send(row, house)
            if isinstance(error, Retry) and error.reason == NO_ANSWER:
                silent[place] = error
            return row, error

        if house is None:
            return [one for one in map(send, rows) if one is not None]
        with ThreadPoolExecutor(max_workers=THREADS) as threads:
            return [one for one in threads.map(send, rows) if one is not None]

    def _send(self, row: AnyRow, house: House | None) -> PorteiroError | None:
        target = self._targets.get(row.target)
        if target is None:
            return Park("unknown_target", f"there is no target {row.target}")
        try:
            request = None
            if row.kind == KIND and house is not None:
                with self._database.read() as tx:
                    request = request_to_send(tx, row.id, house)
            target.send(Message(row.idempotency_key, row.kind, row.recipient, row.body, request))
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

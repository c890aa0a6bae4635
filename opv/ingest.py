"""The ingest step: stored deliveries, and submissions whose lead was fetched, become OPVs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, case, func, select, update

from db.bulk import any_of, insert_rows, update_rows
from db.claim import WorkList
from db.ids import new_id
from db.models import Base, DeliveryOutcome, Outcome, SubmissionState
from db.statement import Statement
from opv.batch import Batch
from opv.capture import capture
from opv.channels.drift import DriftWatch
from opv.forward import queue_forward_of, queue_forwards
from opv.house import House
from opv.junk import JunkRules, ignore_crowds
from opv.sales.statuses import capture_with_statuses, find_processes
from opv.step import fingerprint
from opv.submissions import Received, Submitted, forget_unfinished, read, store, take
from opv.tombstones import blank_deliveries
from opv.triggered import find_triggered
from schemas.errors import PorteiroError
from schemas.source import request_from

_DELIVERIES = Base.metadata.tables["deliveries"]
_SUBMISSIONS = Base.metadata.tables["submissions"]

_ACCEPTED = Statement(
    lambda one_of: select(_DELIVERIES.c.id).where(
        one_of(_DELIVERIES.c.id, "ids"), _DELIVERIES.c.accepted_at.is_not(None)
    )
)
"""Those of the deliveries `ids` of which a person said that they are no junk."""

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3


class IngestDeliveries:
    """Deliveries to submissions, and those that carry their lead to OPVs."""

    name = "ingest"
    work_list = WorkList(_DELIVERIES, "id", batch=500, lease=LEASE, max_attempts=MAX_ATTEMPTS)

    def __init__(self) -> None:
        self._drift = DriftWatch()

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Reads and captures. One transaction, a fixed number of statements."""
        rows = self.work_list.held.rows(tx, ids=ids, token=token)
        received = [
            Received(
                row.id, house.entrances.get(row.channel), row.channel, row.received_at,
                request_from("POST", row.url, row.headers, row.body), row.replays > 0, row.accepted_at is not None,
            )
            for row in rows
        ]  # fmt: skip
        replayed = [one.id for one in received if one.replayed]
        if replayed:
            forget_unfinished(tx, replayed)
        found = [submission for one in received for submission in read(one, house.junk)]
        ignore_crowds(tx, found, house.junk)
        told, triggered = find_processes(tx, found), find_triggered(tx, found)
        new = store(tx, found, now)
        batch = Batch(house, now)
        taken = [s for s in new if s.outcome is Outcome.CAPTURED]
        if any(s.process or s.trigger for s in taken):
            capture_with_statuses(tx, batch, taken, told, triggered)
        else:
            capture(tx, batch, taken)
        _close(tx, [row.id for row in rows], found)
        buried = _buried(found)
        blank_deliveries(tx, buried, now)
        self._drift.note(tx, received, now)
        if queue_forwards(tx, [one for one in received if one.id not in buried], house, now):
            batch.woken.add("outbound")
        if any(s.pointer for s in new):
            batch.woken.add("fetch")
        return batch.woken

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Keeps the delivery with one parked submission that says why."""
        channel = tx.execute(
            update(_DELIVERIES)
            .where(_DELIVERIES.c.id == id_)
            .values(due_at=None, lease=None, outcome=DeliveryOutcome.PARKED.value)
            .returning(_DELIVERIES.c.channel, _DELIVERIES.c.received_at)
        ).one()
        parked = Submitted(
            new_id(), id_, channel.channel, None, channel.received_at, 0, f"delivery:{id_}", None, None,
            Outcome.PARKED, reason, detail,
        )  # fmt: skip
        insert_rows(tx, _SUBMISSIONS, [parked.row(now)])
        queue_forward_of(tx, id_, now)


class IngestFetched:
    """Submissions whose lead the platform gave, to OPVs."""

    name = "ingest"
    work_list = WorkList(
        _SUBMISSIONS,
        "id",
        batch=500,
        lease=LEASE,
        max_attempts=MAX_ATTEMPTS,
        ready=_SUBMISSIONS.c.state == SubmissionState.INGEST.value,
    )

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Reads the fetched answers and captures."""
        rows = self.work_list.held.rows(tx, ids=ids, token=token)
        accepted = {row.id for row in _ACCEPTED.rows(tx, ids={row.delivery_id for row in rows})}
        found = [self._read(row, house, None if row.delivery_id in accepted else house.junk) for row in rows]
        batch = Batch(house, now)
        capture(tx, batch, [s for s in found if s.outcome is Outcome.CAPTURED])
        update_rows(tx, _SUBMISSIONS, ("id",), [_ended(s, now) for s in found])
        refresh_outcomes(tx, {row.delivery_id for row in rows})
        return batch.woken

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Parks the submission."""
        park_submission(tx, id_, reason, detail, now)

    def _read(self, row: Any, house: House, junk: JunkRules | None) -> Submitted:
        entrance = house.entrances.get(row.channel)
        submission = Submitted(
            row.id, row.delivery_id, row.channel, entrance, row.created_at, row.position, row.namespace, row.key,
            row.external_id, Outcome.PENDING,
        )  # fmt: skip
        if entrance is None:
            submission.park("unknown_channel", "the channel's source is not installed")
            return submission
        try:
            answer = entrance.source.read_fetched(json.loads(row.pointer), row.fetched, entrance)
            take(submission, answer, entrance, junk)
        except PorteiroError as error:
            submission.park(error.reason, error.detail)
        except Exception as error:
            submission.park("bug", f"the source's reader failed: {fingerprint(error)}")
        return submission


def park_submission(tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
    """Ends a submission as parked, and its delivery's outcome follows."""
    delivery = tx.execute(
        update(_SUBMISSIONS)
        .where(_SUBMISSIONS.c.id == id_)
        .values(
            state=SubmissionState.DONE.value, outcome=Outcome.PARKED.value, reason=reason, detail=detail,
            due_at=None, lease=None, done_at=now,
        )
        .returning(_SUBMISSIONS.c.delivery_id)
    ).scalar_one()  # fmt: skip
    refresh_outcomes(tx, {delivery})


def refresh_outcomes(tx: Connection, deliveries: Iterable[UUID]) -> None:
    """A delivery's outcome follows from its submissions: pending, parked, captured, repeated, test, ignored.

    Locks the deliveries in a statement of its own, so that the next one sees what others committed meanwhile."""
    ids = sorted(set(deliveries))
    if not ids:
        return
    d, s = _DELIVERIES.c, _SUBMISSIONS.c
    tx.execute(select(d.id).where(any_of(tx, d.id, ids)).order_by(d.id).with_for_update())
    rank = case({one.value: DeliveryOutcome[one.name].value for one in Outcome}, value=s.outcome)
    worst = select(func.min(rank)).where(s.delivery_id == d.id).scalar_subquery()
    tx.execute(update(_DELIVERIES).where(any_of(tx, d.id, ids)).values(outcome=worst))


def _buried(found: Sequence[Submitted]) -> set[UUID]:
    """Deliveries with a lead of an erased person, whose requests are not kept; but one in which another lead is parked,
    which could not be read again without it."""
    parked = {one.delivery for one in found if one.outcome is Outcome.PARKED}
    return {one.delivery for one in found if one.of_erased} - parked


def _close(tx: Connection, deliveries: Sequence[UUID], found: Sequence[Submitted]) -> None:
    """Takes the deliveries off the work list, with their outcome."""
    of: dict[UUID, list[int]] = defaultdict(list)
    for submission in found:
        of[submission.delivery].append(DeliveryOutcome[submission.outcome.name].value)
    rows = [{"id": id_, "due_at": None, "lease": None, "attempts": 0, "outcome": min(of[id_])} for id_ in deliveries]
    update_rows(tx, _DELIVERIES, ("id",), rows)


def _ended(submission: Submitted, now: datetime) -> dict[str, Any]:
    return {
        "id": submission.id, "state": SubmissionState.DONE.value, "outcome": submission.outcome.value,
        "reason": submission.reason, "detail": submission.detail, "due_at": None, "lease": None, "attempts": 0,
        "done_at": now, "person": submission.person,
    }  # fmt: skip

"""Replay: deliveries are put back on ingest's work list, to be read anew from the stored request; what that would
change; and accepting what was taken for junk."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.bulk import any_of
from db.models import Delivery, DeliveryOutcome, Outcome, Submission
from db.session import AnyRow
from opv.house import House
from opv.junk import PREFIX, ignore_crowds
from opv.sales.statuses import find_processes
from opv.submissions import Received, Submitted, foresee, read
from opv.tombstones import ERASED
from schemas.errors import Reject
from schemas.source import request_from

READ_AT_ONCE = 100

log = logging.getLogger("porteiro.replay")


class Became(NamedTuple):
    """What became of a delivery, or would become of it."""

    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A delivery as it stands, and as it would if it were read now."""

    delivery: UUID
    channel: int
    before: Became
    after: Became


def replay(tx: Connection, delivery_id: UUID, now: datetime, by: str) -> None:
    """Puts a delivery back. Leads of it that were captured stay as they are: ingest knows them again.

    Raises `Reject`: `unknown_delivery` (404), `still_pending`, `erased` (409)."""
    if not replay_all(tx, [delivery_id], now, by):
        raise _cannot(tx, delivery_id)


def replay_all(tx: Connection, deliveries: Iterable[UUID], now: datetime, by: str) -> list[UUID]:
    """Puts deliveries back, all but those that are pending already, are erased or do not exist; gives the others."""
    d = Delivery
    statement = (
        update(Delivery)
        .where(any_of(tx, d.id.expression, deliveries), d.outcome != DeliveryOutcome.PENDING, d.erased_at.is_(None))
        .values(due_at=now, attempts=0, lease=None, outcome=DeliveryOutcome.PENDING.value, replays=Delivery.replays + 1)
        .returning(Delivery.id)
    )
    done = list(tx.execute(statement).scalars())
    if len(done) == 1:
        log.info("delivery %s put back by %s", done[0], by)
    elif done:
        log.info("%d deliveries put back by %s", len(done), by)
    return done


def accept(tx: Connection, delivery_id: UUID, now: datetime, by: str) -> None:
    """Puts a delivery with junk back, to be read without the rules about junk, now and at any later replay.

    Raises `Reject`: `unknown_delivery` (404), `still_pending`, `no_junk`, `erased` (409)."""
    s = Submission
    rows = tx.execute(select(s.outcome, s.reason, s.repeat_of).where(s.delivery_id == delivery_id)).all()
    junk = [row for row in rows if row.outcome == Outcome.IGNORED and (row.reason or "").startswith(PREFIX)]
    if rows and not junk and not _is_erased(tx, delivery_id):
        raise Reject("no_junk", _why_not(tx, rows), 409)
    replay(tx, delivery_id, now, by)
    tx.execute(update(Delivery).where(Delivery.id == delivery_id).values(accepted_at=now))
    log.info("delivery %s accepted by %s", delivery_id, by)


def preview(tx: Connection, deliveries: Iterable[UUID], house: House) -> Iterator[Preview]:
    """Reads deliveries as today's sources, configuration and rules would, without writing anything; in the order in
    which they were received. Pending, erased and unknown ones are left out."""
    d = Delivery
    columns = (d.id, d.channel, d.received_at, d.outcome, d.url, d.headers, d.body, d.accepted_at)
    foreseen: set[tuple[str, str]] = set()
    waiting = iter(sorted(set(deliveries)))
    while ids := list(islice(waiting, READ_AT_ONCE)):
        rows = tx.execute(
            select(*columns)
            .where(any_of(tx, d.id.expression, ids), d.outcome != DeliveryOutcome.PENDING, d.erased_at.is_(None))
            .order_by(d.id)
        ).all()
        before = _before(tx, rows)
        received = [_received(row, house) for row in rows]
        found = [read(one, house.junk) for one in received]
        everything = [submission for submissions in found for submission in submissions]
        ignore_crowds(tx, everything, house.junk)
        find_processes(tx, everything)
        foresee(tx, everything, foreseen)
        for row, submissions in zip(rows, found, strict=True):
            yield Preview(row.id, row.channel, before[row.id], _worst(submissions))


def _received(row: AnyRow, house: House) -> Received:
    request = request_from("POST", row.url, row.headers, row.body)
    accepted = row.accepted_at is not None
    return Received(row.id, house.entrances.get(row.channel), row.channel, row.received_at, request, True, accepted)


def _before(tx: Connection, rows: Sequence[AnyRow]) -> dict[UUID, Became]:
    """Outcome and reason of each delivery."""
    s = Submission
    reasons: dict[tuple[UUID, str], str] = {}
    for one in tx.execute(
        select(s.delivery_id, s.outcome, s.reason)
        .where(any_of(tx, s.delivery_id.expression, [row.id for row in rows]), s.reason.is_not(None))
        .order_by(s.delivery_id, s.position)
    ):
        reasons.setdefault((one.delivery_id, one.outcome), one.reason)
    outcomes = {row.id: DeliveryOutcome(row.outcome).outcome.value for row in rows}
    return {id_: Became(outcome, reasons.get((id_, outcome))) for id_, outcome in outcomes.items()}


def _worst(submissions: Sequence[Submitted]) -> Became:
    """What the delivery of these submissions would be."""
    outcome = min(DeliveryOutcome[one.outcome.name] for one in submissions).outcome
    reason = next((one.reason for one in submissions if one.outcome is outcome and one.reason), None)
    return Became(outcome.value, reason)


def _is_erased(tx: Connection, delivery_id: UUID) -> bool:
    return tx.execute(select(Delivery.erased_at).where(Delivery.id == delivery_id)).scalar() is not None


def _cannot(tx: Connection, delivery_id: UUID) -> Reject:
    row = tx.execute(select(Delivery.erased_at).where(Delivery.id == delivery_id)).first()
    if row is None:
        return Reject("unknown_delivery", "no such delivery", 404)
    if row.erased_at is not None:
        told = f"the request was erased on {row.erased_at:%Y-%m-%d}: there is nothing to read anew"
        return Reject(ERASED, told, 409)
    return Reject("still_pending", "the delivery still waits to be processed: look at it again later", 409)


def _why_not(tx: Connection, rows: Sequence[AnyRow]) -> str:
    firsts = [row.repeat_of for row in rows if row.repeat_of is not None]
    s = Submission
    where = (any_of(tx, s.id.expression, firsts), s.outcome == Outcome.IGNORED.value, s.reason.startswith(PREFIX))
    first = tx.execute(select(s.delivery_id).where(*where)).first() if firsts else None
    if first is None:
        return "none of its leads was taken for junk"
    return f"it repeats a lead that was taken for junk: accept delivery {first.delivery_id}"

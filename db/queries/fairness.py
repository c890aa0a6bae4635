"""What queues decided in a time. Each function is one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, and_, func, select

from db.models import ConfigVersion, Decision, QueueSnapshot, TransferRequest
from db.queries.paging import ids_since
from db.session import AnyRow
from schemas.reports import Period

_AT_ONCE = 5000


def decided(tx: Connection, period: Period) -> Iterator[AnyRow]:
    """Decisions that speak of a queue: `queue` (the line's key), `broker`, `snapshot`, `config_version`,
    `explanation`."""
    d = Decision
    statement = select(d.queue, d.broker, d.snapshot, d.config_version, d.explanation).where(_of_queues(period))
    yield from tx.execute(statement.execution_options(yield_per=_AT_ONCE))


def snapshots(tx: Connection, period: Period) -> Sequence[AnyRow]:
    """Who was in the queues of these decisions: `queue`, `digest`, `members`."""
    d, s = Decision, QueueSnapshot
    spoken_of = select(d.queue, d.snapshot).where(_of_queues(period), d.snapshot.is_not(None)).distinct().subquery()
    same = and_(s.queue == spoken_of.c.queue, s.digest == spoken_of.c.snapshot)
    return tx.execute(select(s.queue, s.digest, s.members).join(spoken_of, same)).all()


def configurations(tx: Connection, period: Period) -> Sequence[AnyRow]:
    """The configurations in force at these decisions: `number`, `document`."""
    c = ConfigVersion
    versions = select(Decision.config_version).where(_of_queues(period)).distinct()
    return tx.execute(select(c.number, c.document).where(c.number.in_(versions))).all()


def given_back(tx: Connection, period: Period) -> Sequence[AnyRow]:
    """How many of the leads given by these decisions turned out to be none: `number` by `queue` and `broker`."""
    d, r = Decision, TransferRequest
    invalid = and_(
        r.opportunity_id == d.opportunity_id, r.asked_by == d.broker, r.kind == "invalid", r.state == "granted"
    )
    statement = (
        select(d.queue, d.broker, func.count(func.distinct(r.id)).label("number"))
        .join(r, invalid)
        .where(_of_queues(period))
        .group_by(d.queue, d.broker)
    )
    return tx.execute(statement).all()


def _of_queues(period: Period) -> ColumnElement[bool]:
    d = Decision
    conditions: list[ColumnElement[bool]] = [d.queue.is_not(None)]
    if period.since is not None:
        conditions += [d.id >= ids_since(period.since), d.at >= period.since]
    if period.until is not None:
        conditions.append(d.at < period.until)
    return and_(*conditions)

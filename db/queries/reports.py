"""Figures over OPVs. `seen` is the condition of `opv.access.visible`: a report counts what the viewer sees. Each report
costs one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from db.models import CaptureOrigin, HistoryEntry, Opportunity, Withdrawal
from db.session import AnyRow
from schemas.reports import Period

Wait = tuple[str | None, timedelta | None]

_AT_ONCE = 5000


def withdrawals(tx: Connection, seen: ColumnElement[bool], columns: Sequence[str], period: Period) -> Sequence[AnyRow]:
    """`number` of withdrawals by these columns of the table, or `source`: that of the OPV's first capture. People, team
    and stage are those of the time."""
    keys = {name: _first_source() if name == "source" else getattr(Withdrawal, name) for name in columns}
    each = (
        select(*(key.label(name) for name, key in keys.items()))
        .select_from(Withdrawal)
        .join(Opportunity, Opportunity.id == Withdrawal.opportunity_id)
        .where(seen, *_within(Withdrawal.at, period))
        .subquery()
    )
    return tx.execute(select(*each.c, func.count().label("number")).group_by(*each.c)).all()


def leads(tx: Connection, seen: ColumnElement[bool], columns: Sequence[str], period: Period) -> Sequence[AnyRow]:
    """Captures by these columns: `leads`, `opvs` that they opened (being the first card), `sales` of these by now."""
    c, before = CaptureOrigin, aliased(CaptureOrigin)
    opened = ~exists().where(before.opportunity_id == c.opportunity_id, before.seq < c.seq)
    each = (
        select(
            *(getattr(c, name) for name in columns),
            case((opened, 1), else_=0).label("opened"),
            case((and_(opened, Opportunity.status == "won"), 1), else_=0).label("sold"),
        )
        .join(Opportunity, Opportunity.id == c.opportunity_id)
        .where(seen, *_within(c.received_at, period))
        .subquery()
    )
    keys = [each.c[name] for name in columns]
    sums = (func.sum(each.c.opened).label("opvs"), func.sum(each.c.sold).label("sales"))
    return tx.execute(select(*keys, func.count().label("leads"), *sums).group_by(*keys)).all()


def ways(
    tx: Connection, seen: ColumnElement[bool], kinds: Collection[str], period: Period
) -> Iterator[Sequence[AnyRow]]:
    """The way of each OPV created in the period: its entries of these kinds in order, with its stage and status now.
    OPVs without such an entry are left out."""
    o, e = Opportunity, HistoryEntry
    statement = (
        select(e.opportunity_id, e.seq, e.at, e.kind, e.data, o.stage, o.status)
        .join(o, o.id == e.opportunity_id)
        .where(seen, e.kind.in_(sorted(kinds)), *_within(o.created_at, period))
        .order_by(e.opportunity_id, e.seq)
        .execution_options(yield_per=_AT_ONCE)
    )
    way: list[AnyRow] = []
    for row in tx.execute(statement):
        if way and way[0].opportunity_id != row.opportunity_id:
            yield way
            way = []
        way.append(row)
    if way:
        yield way


def first_contacts(tx: Connection, seen: ColumnElement[bool], period: Period) -> list[Wait]:
    """Broker and time to first contact of each OPV created in the period; None for an open one without contact."""
    o = Opportunity
    asked = or_(o.first_contact_at.is_not(None), o.status == "open")
    statement = select(o.broker, o.created_at, o.first_contact_at).where(seen, asked, *_within(o.created_at, period))
    return [
        (row.broker, None if row.first_contact_at is None else row.first_contact_at - row.created_at)
        for row in tx.execute(statement)
    ]


def _first_source() -> Any:
    c = CaptureOrigin
    first = select(c.source).where(c.opportunity_id == Withdrawal.opportunity_id).order_by(c.seq).limit(1)
    return first.correlate(Withdrawal).scalar_subquery()


def _within(column: InstrumentedAttribute[datetime], period: Period) -> Iterator[ColumnElement[bool]]:
    if period.since is not None:
        yield column >= period.since
    if period.until is not None:
        yield column < period.until

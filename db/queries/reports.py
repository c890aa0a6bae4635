"""Figures over OPVs. `seen` is the condition of `opv.access.visible`: a report counts what the viewer sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from db.models import CaptureOrigin, Opportunity, Withdrawal
from db.session import AnyRow
from schemas.reports import ReportFilters, WithdrawalsBy

Wait = tuple[str | None, timedelta | None]


def withdrawals(
    tx: Connection, seen: ColumnElement[bool], by: WithdrawalsBy, period: ReportFilters
) -> list[tuple[str | None, int]]:
    """Counts of withdrawals, the most first. People, team and stage are those of the time; the source is that of the
    OPV's first capture."""
    key = _first_source() if by == "source" else getattr(Withdrawal, by)
    counted = (
        select(key.label("key"))
        .select_from(Withdrawal)
        .join(Opportunity, Opportunity.id == Withdrawal.opportunity_id)
        .where(seen, *_within(Withdrawal.at, period))
        .subquery()
    )
    statement = select(counted.c.key, func.count().label("number")).group_by(counted.c.key)
    found = [(row.key, int(row.number)) for row in tx.execute(statement)]
    return sorted(found, key=lambda one: (-one[1], one[0] or ""))


def origins(tx: Connection, seen: ColumnElement[bool], period: ReportFilters) -> Sequence[AnyRow]:
    """Leads by source and campaign, the most first."""
    c = CaptureOrigin
    number = func.count().label("leads")
    statement = (
        select(c.source, c.campaign, number, func.sum(case((c.is_returning, 0), else_=1)).label("opvs"))
        .join(Opportunity, Opportunity.id == c.opportunity_id)
        .where(seen, *_within(c.received_at, period))
        .group_by(c.source, c.campaign)
    )
    return sorted(tx.execute(statement).all(), key=lambda row: (-row.leads, row.source, row.campaign or ""))


def first_contacts(tx: Connection, seen: ColumnElement[bool], period: ReportFilters) -> list[Wait]:
    """Broker and time to first contact of each OPV created in the period; None for an open one without contact."""
    o = Opportunity
    asked = or_(o.first_contact_at.is_not(None), o.status == "open")
    statement = select(o.broker, o.created_at, o.first_contact_at).where(
        and_(seen, asked, *_within(o.created_at, period))
    )
    return [
        (row.broker, None if row.first_contact_at is None else row.first_contact_at - row.created_at)
        for row in tx.execute(statement)
    ]


def _first_source() -> Any:
    c = CaptureOrigin
    first = select(c.source).where(c.opportunity_id == Withdrawal.opportunity_id).order_by(c.seq).limit(1)
    return first.correlate(Withdrawal).scalar_subquery()


def _within(column: InstrumentedAttribute[datetime], period: ReportFilters) -> Iterator[ColumnElement[bool]]:
    if period.since is not None:
        yield column >= period.since
    if period.until is not None:
        yield column < period.until

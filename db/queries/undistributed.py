"""OPVs without a broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from db.bulk import any_of
from db.models import DistributionWork, Opportunity
from db.models.assignment import ONLY_BY
from db.queries.opvs import GREATEST_NUMBER, WAITING, undistributed
from db.queries.paging import newest_first
from db.session import AnyRow
from schemas.operations import UndistributedCounts, UndistributedFilters, UndistributedItem, UndistributedPage

_REASON = func.coalesce(DistributionWork.reason, WAITING)


def page(tx: Connection, filters: UndistributedFilters, now: datetime) -> UndistributedPage:
    """Those that match, the newest OPV first, and how many they are. Three statements."""
    w, o = DistributionWork, Opportunity
    statement = _matching(
        select(
            w.opportunity_id.label("opv"), w.state, w.queue, w.rule, w.part, w.since, w.due_at.label("next_try"),
            _REASON.label("reason"), o.number, o.development, o.stage, o.broker,
        ),
        filters,
    )  # fmt: skip
    rows, next_ = newest_first(tx, statement, w.opportunity_id.expression, filters)
    return UndistributedPage(items=[_item(row, now) for row in rows], next=next_, counts=counts(tx, filters))


def counts(tx: Connection, filters: UndistributedFilters, *, until: datetime | None = None) -> UndistributedCounts:
    """How many match; with `until`, of those that wait since then or longer."""
    w = DistributionWork
    statement = _matching(
        select(_REASON.label("reason"), w.queue, func.count().label("opvs"), func.min(w.since)), filters
    )
    if until is not None:
        statement = statement.where(w.since <= until)
    by_reason, by_queue, oldest = Counter[str](), Counter[str](), []
    for reason, line, opvs, since in tx.execute(statement.group_by(_REASON, w.queue)):
        by_reason[reason] += opvs
        by_queue[(line or "-").partition("@")[0]] += opvs
        oldest.append(since)
    return UndistributedCounts(
        total=by_reason.total(), by_reason=dict(by_reason), by_queue=dict(by_queue), oldest=min(oldest, default=None)
    )


def ids(
    tx: Connection, filters: UndistributedFilters, over: ColumnElement[bool], after: UUID | None, limit: int
) -> list[UUID]:
    """Ids of those that match and for which `over` (a condition on `opportunities`) holds, the oldest OPV first, behind
    `after`."""
    w = DistributionWork
    statement = _matching(select(w.opportunity_id), filters).where(over).order_by(w.opportunity_id).limit(limit)
    if after is not None:
        statement = statement.where(w.opportunity_id > after)
    return list(tx.execute(statement).scalars())


def named(tx: Connection, seen: ColumnElement[bool], idents: Iterable[str]) -> dict[str, UUID]:
    """Ids of the OPVs called so, by id or number as text; those that are not `seen` are left out."""
    by_number = {int(one): one for one in idents if one.isascii() and one.isdecimal() and len(one) <= 10}
    by_id: dict[UUID, str] = {}
    for one in idents:
        try:
            by_id[UUID(one)] = one
        except ValueError:
            continue
    o = Opportunity
    numbers = any_of(tx, o.number.expression, [number for number in by_number if number <= GREATEST_NUMBER])
    rows = tx.execute(select(o.id, o.number).where(seen, or_(numbers, any_of(tx, o.id.expression, by_id))))
    return {called: row.id for row in rows for called in (by_number.get(row.number), by_id.get(row.id)) if called}


def _matching(statement: Select[*tuple[Any, ...]], filters: UndistributedFilters) -> Select[*tuple[Any, ...]]:
    w, o = DistributionWork, Opportunity
    statement = statement.join(o, o.id == w.opportunity_id).where(undistributed())
    if filters.queue is not None:
        of_line = w.queue.startswith(f"{filters.queue}@", autoescape=True)
        statement = statement.where(or_(w.queue == filters.queue, of_line))
    for column, value in ((_REASON, filters.reason), (w.state, filters.state), (o.development, filters.development)):
        if value is not None:
            statement = statement.where(column == value)
    return statement


def _item(row: AnyRow, now: datetime) -> UndistributedItem:
    asked_for = row.rule is not None and row.rule.startswith(ONLY_BY)
    told = {**row._mapping, "rule": row.rule and row.rule.removeprefix(ONLY_BY)}
    return UndistributedItem(**told, asked_for=asked_for, age=max(0, int((now - row.since).total_seconds())))

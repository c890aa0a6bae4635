"""Reads of pending items. `seen` is the condition of `opv.access.visible`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, literal, select, tuple_

from db.models import Opportunity
from db.models import PendingItem as Item
from db.models.base import UtcTime
from db.queries.paging import cut, decode, encode
from schemas.page import Page
from schemas.pending_items import PendingItem, PendingItemFilters

_SHOWN = (
    "id",
    "title",
    "owner",
    "due_at",
    "state",
    "created_by",
    "created_at",
    "ended_by",
    "ended_at",
    "questionnaire",
)


def page(
    tx: Connection,
    seen: ColumnElement[bool],
    filters: PendingItemFilters,
    now: datetime,
    opv: UUID | None = None,
) -> Page[PendingItem]:
    """Items of the OPVs seen, or of one of them; those that are due first come first."""
    statement = (
        select(*(getattr(Item, name) for name in _SHOWN), Item.opportunity_id, Opportunity.number)
        .join(Opportunity, Opportunity.id == Item.opportunity_id)
        .where(seen, *_conditions(filters, now, opv))
        .order_by(Item.due_at, Item.id)
        .limit(filters.limit + 1)
    )
    if filters.cursor is not None:
        due_at, id_ = decode(filters.cursor, _time, UUID)
        after = tuple_(literal(due_at, UtcTime()), literal(id_, Item.id.type))
        statement = statement.where(tuple_(Item.due_at, Item.id) > after)
    rows, next_ = cut(list(tx.execute(statement)), filters, lambda row: encode(row.due_at.isoformat(), str(row.id)))
    return Page(items=[_item(row, now) for row in rows], next=next_)


def one(tx: Connection, id_: UUID, now: datetime) -> PendingItem:
    """An item that is there."""
    columns = (*(getattr(Item, name) for name in _SHOWN), Item.opportunity_id, Opportunity.number)
    statement = select(*columns).join(Opportunity, Opportunity.id == Item.opportunity_id)
    return _item(tx.execute(statement.where(Item.id == id_)).one(), now)


def _conditions(filters: PendingItemFilters, now: datetime, opv: UUID | None) -> Iterator[ColumnElement[bool]]:
    if opv is not None:
        yield Item.opportunity_id == opv
    if filters.owner is not None:
        yield Item.owner == filters.owner
    if filters.state is not None:
        yield Item.state == filters.state
    if filters.overdue is not None:
        overdue = and_(Item.state == "open", Item.due_at < now)
        yield overdue if filters.overdue else ~overdue


def _item(row: Any, now: datetime) -> PendingItem:
    shown = {name: row._mapping[name] for name in _SHOWN}
    overdue = row.state == "open" and row.due_at < now
    return PendingItem(**shown, opv=row.opportunity_id, number=row.number, overdue=overdue)


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no zone")
    return at

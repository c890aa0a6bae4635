"""Lists for the people who run the house: unmapped values, merge suggestions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, func, literal, select, tuple_, union_all

from db.models import CaptureOrigin, MergeSuggestion, Unmapped
from db.models.base import UtcTime
from db.queries.paging import cut, decode, encode
from schemas.operations import (
    MergeSuggestionItem,
    UnmappedFilters,
    UnmappedItem,
)
from schemas.page import Page, Paging


def unmapped(
    tx: Connection, filters: UnmappedFilters, knows: Callable[[str, str], bool] = lambda _field, _value: False
) -> Page[UnmappedItem]:
    """Values that mean nothing configured, those that came first last; a page leaves out what `knows` now.

    Campaigns, media and origins are kept on the cards as sent, and counted there."""
    found = union_all(_counted(), *(_on_cards(field) for field in _ON_CARDS)).subquery()
    c = found.c
    order = (c.first_at, c.field, c.value, c.channel)
    statement = select(found).order_by(*(column.desc() for column in order))
    if filters.field is not None:
        statement = statement.where(c.field == filters.field)
    if filters.channel is not None:
        statement = statement.where(c.channel == filters.channel)
    if filters.cursor is not None:
        at, *names = decode(filters.cursor, _time, str, str, str)
        statement = statement.where(tuple_(*order) < tuple_(literal(at, UtcTime()), *map(literal, names)))
    rows, next_ = cut(
        list(tx.execute(statement.limit(filters.limit + 1))),
        filters,
        lambda row: encode(row.first_at.isoformat(), row.field, row.value, row.channel),
    )
    items = [UnmappedItem(**row._mapping) for row in rows if not knows(row.field, row.value)]
    return Page(items=items, next=next_)


_ON_CARDS = {"campaign": CaptureOrigin.campaign, "medium": CaptureOrigin.medium, "origin": CaptureOrigin.origin}


def _counted() -> Select[*tuple[Any, ...]]:
    return select(*(getattr(Unmapped, name) for name in UnmappedItem.model_fields))


def _on_cards(field: str) -> Select[*tuple[Any, ...]]:
    value, at = _ON_CARDS[field], CaptureOrigin.received_at
    return (
        select(
            literal(field).label("field"), value.label("value"), CaptureOrigin.channel, func.count().label("count"),
            func.min(at).label("first_at"), func.max(at).label("last_at"),
        )
        .where(value.is_not(None))
        .group_by(value, CaptureOrigin.channel)
    )  # fmt: skip


def merge_suggestions(tx: Connection, paging: Paging) -> Page[MergeSuggestionItem]:
    """Clients that may be one person, the newest suggestion first."""
    one = MergeSuggestion
    order = tuple_(one.created_at, one.client_id, one.other_id)
    statement = select(
        one.client_id.label("client"), one.other_id.label("other"), one.submission_id.label("submission"),
        one.because, one.created_at,
    ).order_by(one.created_at.desc(), one.client_id.desc(), one.other_id.desc())  # fmt: skip
    if paging.cursor is not None:
        at, client, other = decode(paging.cursor, _time, UUID, UUID)
        last = (literal(at, UtcTime()), literal(client, one.client_id.type), literal(other, one.other_id.type))
        statement = statement.where(order < tuple_(*last))
    rows, next_ = cut(
        list(tx.execute(statement.limit(paging.limit + 1))),
        paging,
        lambda row: encode(row.created_at.isoformat(), str(row.client), str(row.other)),
    )
    return Page(items=[MergeSuggestionItem(**row._mapping) for row in rows], next=next_)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment

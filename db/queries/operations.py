"""Lists for the people who run the house: queues, unmapped values, merge suggestions, automation runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, literal, select, tuple_

from db.models import AutomationRun, MergeSuggestion, QueueMember, QueueTurn, Unmapped
from db.models.base import UtcTime
from db.queries.opvs import read_json
from db.queries.paging import cut, decode, encode, newest_first
from schemas.operations import (
    MergeSuggestionItem,
    QueueItem,
    QueueMemberItem,
    RunFilters,
    RunItem,
    UnmappedFilters,
    UnmappedItem,
)
from schemas.page import Page, Paging


def queues(tx: Connection) -> list[QueueItem]:
    """Every queue with its members, the one whose turn is next first."""
    members: dict[str, list[Row[*tuple[Any, ...]]]] = {}
    order = (QueueMember.queue, QueueMember.last_turn, QueueMember.position)
    for row in tx.execute(select(*QueueMember.__table__.columns).order_by(*order)):
        members.setdefault(row.queue, []).append(row)
    turns = tx.execute(select(QueueTurn.key, QueueTurn.turn).order_by(QueueTurn.key))
    return [QueueItem(key=row.key, turn=row.turn, members=_members(members.get(row.key, ()))) for row in turns]


def _members(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[QueueMemberItem]:
    total = sum(row.served for row in rows)
    return [
        QueueMemberItem(
            broker=row.broker, last_turn=row.last_turn, served=row.served, active=row.active, position=row.position,
            share=round(row.served / total, 4) if total else 0.0,
        )
        for row in rows
    ]  # fmt: skip


def unmapped(tx: Connection, filters: UnmappedFilters) -> Page[UnmappedItem]:
    """Values that mean nothing configured, the newest first."""
    statement = select(Unmapped.id, *(getattr(Unmapped, name) for name in UnmappedItem.model_fields))
    if filters.field is not None:
        statement = statement.where(Unmapped.field == filters.field)
    if filters.channel is not None:
        statement = statement.where(Unmapped.channel == filters.channel)
    rows, next_ = newest_first(tx, statement, Unmapped.id.expression, filters)
    return Page(items=[UnmappedItem(**row._mapping) for row in rows], next=next_)


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


def automation_runs(tx: Connection, filters: RunFilters, opv: UUID | None) -> Page[RunItem]:
    """What automations did, the newest first; `opv` is the one that `filters.opv` names."""
    run = AutomationRun
    statement = select(
        run.id, run.automation, run.opportunity_id.label("opv"), run.occurrence, run.at, run.result, run.because,
        run.steps,
    )  # fmt: skip
    for column, value in (
        (run.automation, filters.automation), (run.result, filters.result), (run.opportunity_id, opv),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    rows, next_ = newest_first(tx, statement, run.id.expression, filters)
    return Page(items=[RunItem(**{**row._mapping, "steps": read_json(row.steps)}) for row in rows], next=next_)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment

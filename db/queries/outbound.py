"""Messages that go out, and how their destinations do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, func, select

from db.models import Destination, OutboundMessage
from db.queries.paging import newest_first
from db.session import AnyRow
from schemas.outbound import MessageFilters, MessageItem, TargetItem
from schemas.page import Page

M = OutboundMessage


def page(tx: Connection, filters: MessageFilters, opv: UUID | None) -> Page[MessageItem]:
    """Messages that match, the newest first; `opv` is the one that `filters.opv` names."""
    statement = _listed()
    for column, value in (
        (M.state, filters.state), (M.target, filters.target), (M.reason, filters.reason), (M.kind, filters.kind),
        (M.opportunity_id, opv),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    rows, next_ = newest_first(tx, statement, M.id.expression, filters)
    return Page(items=[MessageItem(**row._mapping) for row in rows], next=next_)


def one(tx: Connection, message: UUID) -> AnyRow | None:
    """The message with what `MessageDetail` shows of its row."""
    return tx.execute(_listed().add_columns(M.idempotency_key, M.body).where(M.id == message)).one_or_none()


def target_items(tx: Connection, targets: Mapping[str, str]) -> list[TargetItem]:
    """How each target does, by key; `targets` says what each of them is. Two statements."""
    d = Destination.__table__.c
    stored = {row.key: row for row in tx.execute(select(*d))}
    counted = counts(tx)
    return [_target(key, slug, stored.get(key), counted.get(key)) for key, slug in sorted(targets.items())]


def counts(tx: Connection) -> dict[str, AnyRow]:
    """By target, those that have any: how many messages are `pending` and `parked`, and the `oldest` pending one."""
    pending = M.due_at.is_not(None)
    waiting = (
        select(M.target, func.count().label("pending"), func.min(M.created_at).label("oldest"))
        .where(pending)
        .group_by(M.target)
        .subquery()
    )
    parked = select(M.target, func.count().label("parked")).where(M.state == "parked").group_by(M.target).subquery()
    either = select(waiting.c.target).union(select(parked.c.target)).subquery()
    statement = (
        select(
            either.c.target, func.coalesce(waiting.c.pending, 0).label("pending"), waiting.c.oldest,
            func.coalesce(parked.c.parked, 0).label("parked"),
        )
        .outerjoin(waiting, waiting.c.target == either.c.target)
        .outerjoin(parked, parked.c.target == either.c.target)
    )  # fmt: skip
    return {row.target: row for row in tx.execute(statement)}


def destinations(tx: Connection) -> list[AnyRow]:
    """Key, failures in a row and `opened_at` of each destination."""
    return list(tx.execute(select(Destination.key, Destination.failures, Destination.opened_at)))


def _listed() -> Select[*tuple[Any, ...]]:
    return select(
        M.id, M.target, M.kind, M.recipient, M.opportunity_id.label("opv"), M.state, M.reason, M.failures,
        M.created_at, M.due_at, M.sent_at, M.replayed_at, M.replayed_by,
    )  # fmt: skip


def _target(key: str, slug: str, stored: AnyRow | None, counted: AnyRow | None) -> TargetItem:
    failures = stored.failures if stored else 0
    opened_at = stored.opened_at if stored else None
    return TargetItem(
        key=key,
        target=slug,
        state="open" if opened_at else "failing" if failures else "ok",
        failures=failures,
        opened_at=opened_at,
        open_until=stored.open_until if stored else None,
        last_success_at=stored.succeeded_at if stored else None,
        last_failure_at=stored.failed_at if stored else None,
        last_failure=stored.reason if stored else None,
        pending=counted.pending if counted else 0,
        parked=counted.parked if counted else 0,
        oldest_pending_at=counted.oldest if counted else None,
    )

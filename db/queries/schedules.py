"""Scheduled automations: what is planned, how far the run under way has come, what the last ones did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Select, UnaryExpression, select, union_all

from db.models import AutomationState, Opportunity, Schedule, ScheduledRun
from db.session import AnyRow
from schemas.schedules import RunUnderWay, ScheduledRunItem, ScheduleItem

LAST = 10
"""Planned times that are shown of each."""


def schedules(tx: Connection, now: datetime) -> list[ScheduleItem]:
    """Those of the configuration, by key. Three statements, two more while a run is under way."""
    rows = _planned(tx)
    last = _last(tx, [row.key for row in rows])
    shares = _shares(tx, {row.key: row.cursor for row in rows if row.started_at is not None})
    return [
        ScheduleItem(
            automation=row.key, cron=row.cron, zone=row.zone, paused=row.paused_at is not None, next_at=row.next_at,
            lateness_seconds=_lateness(row, now), running=_running(row, shares), last=last[row.key],
        )
        for row in rows
    ]  # fmt: skip


def lateness(tx: Connection, now: datetime) -> dict[str, float]:
    """Seconds since the time planned for what should have begun or is under way, by automation; else 0."""
    return {row.key: _lateness(row, now) for row in _planned(tx)}


def last_took(tx: Connection) -> dict[str, float]:
    """How many seconds the last run that began took, by automation."""
    last = _last(tx, [row.key for row in _planned(tx)], most=1, begun=True)
    return {
        key: (one.finished_at - one.started_at).total_seconds()
        for key, runs in last.items()
        for one in runs
        if one.finished_at is not None and one.started_at is not None
    }


def _planned(tx: Connection) -> Sequence[AnyRow]:
    statement = (
        select(*Schedule.__table__.c, AutomationState.paused_at)
        .outerjoin(AutomationState, AutomationState.key == Schedule.key)
        .where(Schedule.due_at.is_not(None))
        .order_by(Schedule.key)
    )
    return tx.execute(statement).all()


def _last(
    tx: Connection, keys: Collection[str], *, most: int = LAST, begun: bool = False
) -> dict[str, list[ScheduledRunItem]]:
    """The last planned times of each, the newest first; `begun`: of those whose run began. One statement, which reads
    no more than what it gives."""
    found: dict[str, list[ScheduledRunItem]] = defaultdict(list)
    if keys:
        for row in tx.execute(union_all(*(_of(key, most, begun) for key in keys))):
            item = row._asdict()
            found[item.pop("automation")].append(ScheduledRunItem(**item))
    for runs in found.values():
        runs.sort(key=lambda one: one.planned_at, reverse=True)
    return found


def _of(key: str, most: int, begun: bool) -> Select[*tuple[object, ...]]:
    names = ("automation", *ScheduledRunItem.model_fields)
    statement = select(*(getattr(ScheduledRun, name) for name in names)).where(ScheduledRun.automation == key)
    if begun:
        statement = statement.where(ScheduledRun.started_at.is_not(None))
    return select(statement.order_by(ScheduledRun.planned_at.desc()).limit(most).subquery())


def _lateness(row: AnyRow, now: datetime) -> float:
    if row.started_at is not None:
        planned: datetime = row.planned_at
    elif row.paused_at is not None:
        return 0.0
    else:
        planned = row.next_at
    return max(0.0, (now - planned).total_seconds())


def _running(row: AnyRow, shares: Mapping[str, float]) -> RunUnderWay | None:
    if row.started_at is None:
        return None
    return RunUnderWay(
        planned_at=row.planned_at, started_at=row.started_at, seen=row.seen, matched=row.matched, share=shares[row.key]
    )


def _shares(tx: Connection, cursors: Mapping[str, UUID | None]) -> dict[str, float]:
    """Where the cursors are between the first and the last OPV."""
    if not cursors:
        return {}
    first, last = (_end(tx, order) for order in (Opportunity.id.asc(), Opportunity.id.desc()))
    span = max(1, last - first)
    return {key: min(1.0, max(0, (at.int if at else first) - first) / span) for key, at in cursors.items()}


def _end(tx: Connection, order: UnaryExpression[UUID]) -> int:
    found = tx.execute(select(Opportunity.id).order_by(order).limit(1)).scalar()
    return found.int if found is not None else 0

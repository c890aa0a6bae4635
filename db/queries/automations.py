"""How automations do and what their runs did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, select, update

from db.bulk import any_of
from db.models import AutomationRun, AutomationState, HistoryEntry, Opportunity
from db.queries.opvs import read_json
from db.queries.paging import ids_since, newest_first
from db.queries.work import runs_by_result
from schemas.automations import RunDetail, RunEntry, RunFilters, RunItem
from schemas.page import Page

PAUSED, FAILED, WAITING, CUT = "paused", "failed", "waiting", "cut"


@dataclass(slots=True)
class Doing:
    """How an automation does: its state's row (None: it has none yet), runs of 24 hours by result, runs that wait, and
    when it ran last."""

    state: Any | None = None
    results: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """Runs that wait, and the earliest time at which one goes on."""

    count: int
    oldest: datetime | None


def doings(tx: Connection, keys: Sequence[str], day_ago: datetime) -> Mapping[str, Doing]:
    """How the automations do, in four statements."""
    found: dict[str, Doing] = defaultdict(Doing)
    for row in states(tx):
        found[row.key].state = row
    for key, result, count in runs_by_result(tx, day_ago):
        found[key].results[result] = count
    run = AutomationRun
    waiting = select(run.automation, func.count().label("runs")).where(run.due_at.is_not(None), run.result == WAITING)
    for row in tx.execute(waiting.group_by(run.automation)):
        found[row.automation].waiting = row.runs
    last = [_newest_of(key) for key in keys]
    for row in tx.execute(last[0].union_all(*last[1:])) if last else ():
        found[row.automation].last_at = row.at
    return found


def _newest_of(key: str) -> Select[*tuple[Any, ...]]:
    run = AutomationRun
    newest = select(run.id).where(run.automation == key).order_by(run.id.desc()).limit(1)
    return select(run.automation, run.at).where(run.id == newest.scalar_subquery())


def states(tx: Connection) -> Sequence[Any]:
    """The rows of all automations that ever were active."""
    return tx.execute(select(*AutomationState.__table__.columns).order_by(AutomationState.key)).all()


def runs(
    tx: Connection, filters: RunFilters, opv: UUID | None = None, seen: ColumnElement[bool] | None = None
) -> Page[RunItem]:
    """What automations did, the newest first; `opv` is the one that `filters.opv` names, `seen` a condition on the
    OPVs."""
    run = AutomationRun
    statement = _runs()
    for column, value in (
        (run.automation, filters.automation), (run.result, filters.result), (run.trigger, filters.trigger),
        (run.opportunity_id, opv),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    if filters.since is not None:
        statement = statement.where(run.id >= ids_since(filters.since), run.at >= filters.since)
    if seen is not None:
        statement = statement.where(seen)
    rows, next_ = newest_first(tx, statement, run.id.expression, filters)
    return Page(items=[RunItem(**_told(row)) for row in rows], next=next_)


def run(tx: Connection, ident: UUID, seen: ColumnElement[bool] | None = None) -> RunDetail | None:
    """A run with the entries of the history that it made."""
    statement = _runs().where(AutomationRun.id == ident)
    row = tx.execute(statement if seen is None else statement.where(seen)).one_or_none()
    if row is None:
        return None
    entry = HistoryEntry
    made = (
        select(entry.seq, entry.at, entry.kind)
        .where(entry.opportunity_id == row.opv, entry.data.contains(f'"run":"{ident}"'))
        .order_by(entry.seq)
    )
    entries = [RunEntry(**one._mapping) for one in tx.execute(made)]
    return RunDetail(**_told(row), entries=entries)


def failed_ids(tx: Connection, key: str, since: datetime) -> Sequence[UUID]:
    """Runs of the automation since the moment that failed, the oldest first."""
    run = AutomationRun
    statement = select(run.id).where(
        run.result == FAILED, run.automation == key, run.id >= ids_since(since), run.at >= since
    )
    return tx.execute(statement.order_by(run.id)).scalars().all()


def paused_runs(tx: Connection, key: str, after: UUID | None, limit: int) -> Sequence[Any]:
    """Runs of the automation that are paused, the oldest first: id, steps; locked."""
    run = AutomationRun
    statement = select(run.id, run.steps).where(run.result == PAUSED, run.automation == key)
    if after is not None:
        statement = statement.where(run.id > after)
    return tx.execute(statement.order_by(run.id).limit(limit).with_for_update(skip_locked=True)).all()


def paused_count(tx: Connection, key: str) -> int:
    """How many runs of the automation are paused."""
    run = AutomationRun
    statement = select(func.count()).where(run.result == PAUSED, run.automation == key)
    return tx.execute(statement).scalar_one()


def set_paused(tx: Connection, key: str, at: datetime | None, by: str | None, because: str | None) -> None:
    """Pauses the automation, or, without a time, lets it go on as one that never failed."""
    state = AutomationState
    anew = {"failures": 0} if at is None else {}
    values = {"paused_at": at, "paused_by": by, "because": because, **anew}
    tx.execute(update(state).where(state.key == key).values(values))


def locked_runs(tx: Connection, idents: Sequence[UUID]) -> Sequence[Any]:
    """The rows of runs, locked, in order."""
    columns = AutomationRun.__table__.columns
    statement = select(*columns).where(any_of(tx, columns.id, idents)).order_by(columns.id)
    return tx.execute(statement.with_for_update()).all()


def paused_by_themselves(tx: Connection) -> dict[str, str]:
    """Automations that paused themselves, and why, by key."""
    state = AutomationState
    statement = select(state.key, state.because).where(state.paused_at.is_not(None), state.paused_by == "system")
    return {row.key: row.because for row in tx.execute(statement)}


def cut_since(tx: Connection, since: datetime) -> dict[str, str]:
    """Automations at which a loop was cut since the moment, and what was said of the last one, by key."""
    run = AutomationRun
    statement = select(run.automation, run.because).where(
        run.result == CUT, run.id >= ids_since(since), run.at >= since
    )
    return {row.automation: row.because for row in tx.execute(statement.order_by(run.id))}


def cuts(tx: Connection, since: datetime) -> int:
    """How many loops were cut since the moment."""
    run = AutomationRun
    statement = select(func.count()).where(run.result == CUT, run.id >= ids_since(since), run.at >= since)
    return tx.execute(statement).scalar_one()


def waits(tx: Connection) -> Waits:
    """The runs that wait."""
    run = AutomationRun
    row = tx.execute(select(func.count(), func.min(run.due_at)).where(run.due_at.is_not(None))).one()
    return Waits(row[0], row[1])


def _runs() -> Select[*tuple[Any, ...]]:
    run = AutomationRun
    return select(
        run.id, run.automation, run.opportunity_id.label("opv"), Opportunity.number, run.occurrence, run.trigger,
        run.seq, run.stage, run.at, run.asked_by, run.result, run.because, run.steps, run.todo, run.due_at,
        run.finished_at,
    ).outerjoin(Opportunity, Opportunity.id == run.opportunity_id)  # fmt: skip


def _told(row: Any) -> dict[str, Any]:
    values = dict(row._mapping)
    left = read_json(values.pop("todo") or "[]")
    return {**values, "steps": read_json(row.steps), "left": [action for _, action in left]}

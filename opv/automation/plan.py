"""Planned times of scheduled automations: rows of `schedules` as the configuration has it, and what is done about times
that have come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, update

from db.bulk import add_new
from db.ids import new_id
from db.models import Base
from opv.channels.alarms import HOUSE, SCHEDULE, clear_alarms, open_alarms
from schemas.config import Configuration, Schedule
from schemas.cron import Cron

SCHEDULES = Base.metadata.tables["schedules"]
_RUNS = Base.metadata.tables["scheduled_runs"]

MOST = 100
"""Of the times that were missed, the last so many are run or told of; those before are not even counted."""

ON_TIME = timedelta(minutes=5)
"""A time that nothing was begun for after so long is one that was missed."""

IDLE: dict[str, Any] = {
    "lease": None, "attempts": 0, "started_at": None, "cursor": None, "seen": 0, "matched": 0,
}  # fmt: skip
"""The row of a schedule of which no run is under way."""


@dataclass(frozen=True, slots=True)
class Coming:
    """What is done about times that have come: one `begins` or none, those in `skipped` do not, then `next_at`."""

    begins: datetime | None
    skipped: Sequence[datetime]
    next_at: datetime


def coming(schedule: Schedule, zone: ZoneInfo, next_at: datetime, now: datetime, *, late: bool = False) -> Coming:
    """What is done at `now` about the times from `next_at` on. `late`: they came while a run was under way, so that the
    newest of them was missed too."""
    cron = Cron.parse(schedule.cron)
    times = [next_at, *cron.last(MOST, next_at, now, zone)][-MOST:]
    begins: datetime | None = times[0] if schedule.missed == "all" else times[-1]
    if schedule.missed == "skip" and (late or now - times[-1] >= ON_TIME):
        begins = None
    skipped = [at for at in times if begins is None or at < begins]
    return Coming(begins, skipped, cron.after(begins or now, zone))


def plan(tx: Connection, configuration: Configuration, now: datetime) -> None:
    """Brings the rows to what the configuration says: what is new, or has another cron or zone, begins with the first
    time from now on; what is gone ends where it is. A run that is under way goes on. Locks the rows."""
    wanted = {
        one.key: one.on.cron for one in configuration.automations if one.active and isinstance(one.on, Schedule)
    }  # fmt: skip
    zone = configuration.company.timezone
    c = SCHEDULES.c
    rows = {row.key: row for row in tx.execute(select(*c).order_by(c.key).with_for_update())}
    for key, cron in wanted.items():
        row = rows.get(key)
        if row is None:
            next_at = Cron.parse(cron).after(now, ZoneInfo(zone))
            new = {"key": key, "cron": cron, "zone": zone, "next_at": next_at, "due_at": next_at}
            tx.execute(insert(SCHEDULES), new)
        elif row.due_at is None or (row.cron, row.zone) != (cron, zone):
            next_at = Cron.parse(cron).after(max(now, row.planned_at or now), ZoneInfo(zone))
            changes = {"cron": cron, "zone": zone, "next_at": next_at}
            if row.started_at is None:
                changes |= {**IDLE, "due_at": next_at}
            tx.execute(update(SCHEDULES).where(c.key == key).values(changes))
    gone = [row for row in rows.values() if row.key not in wanted and row.due_at is not None]
    for row in gone:
        if row.started_at is not None:
            keep(tx, [over(row.key, row.planned_at, "stopped", now, row.started_at, row.seen, row.matched)])
        tx.execute(update(SCHEDULES).where(c.key == row.key).values({**IDLE, "due_at": None, "next_at": None}))
    if gone:
        kinds = {(f"{SCHEDULE}{row.key}", HOUSE) for row in gone}
        clear_alarms(tx, [id_ for kind, id_ in open_alarms(tx).items() if kind in kinds], now)


def over(
    key: str,
    planned_at: datetime,
    result: str,
    now: datetime | None = None,
    started_at: datetime | None = None,
    seen: int = 0,
    matched: int = 0,
) -> dict[str, Any]:
    """A row of `scheduled_runs`."""
    return {
        "id": new_id(), "automation": key, "planned_at": planned_at, "started_at": started_at, "finished_at": now,
        "result": result, "seen": seen, "matched": matched,
    }  # fmt: skip


def keep(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keeps rows of `scheduled_runs`, one a planned time."""
    add_new(tx, _RUNS, rows, ("automation", "planned_at"))

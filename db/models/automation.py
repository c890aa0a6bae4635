"""What automations wait for and what they did."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Ref, Small, Time, UtcTime


class PendingEvent(Base):
    """A history entry that an active automation listens to; deleted once consumed. `depth` counts the
    automations that led here, `chain` names them (comma-separated); `stage` is the OPV's at the entry."""

    __tablename__ = "pending_events"
    __table_args__ = (Index("ix_pending_events_due_at", "due_at"),)

    id: Mapped[Id]
    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    kind: Mapped[Long]
    stage: Mapped[Long]
    depth: Mapped[Small]
    chain: Mapped[Long]
    at: Mapped[Time]
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))


class Timer(Base):
    """A time that an automation counts for an OPV, over at `due_at`. Of `in_stage`: unless the OPV has left the stage
    (another `stage_seq`); of the others, `stage_seq` is the entry that it counts from (of `without` it is 0: there is
    one of an automation and an OPV at most) and `stage` is empty. `chain` names the automations that led here, as of
    events. `due_at` NULL: parked after killing its worker."""

    __tablename__ = "timers"
    __table_args__ = (
        UniqueConstraint("automation", "opportunity_id", "stage_seq"),
        Index(
            "ix_timers_due_at",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
            sqlite_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_timers_parked",
            "id",
            postgresql_where=text("due_at IS NULL"),
            sqlite_where=text("due_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    automation: Mapped[Long]
    opportunity_id: Mapped[Ref]
    stage: Mapped[Long]
    stage_seq: Mapped[int]
    chain: Mapped[Long] = mapped_column(server_default=text("''"))
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))


class AutomationRun(Base):
    """What one occurrence did. Unique by `(automation, occurrence)`, per OPV: `<seq>` of the entry, `timer:<seq>`,
    `cron:<time>`, `run:<run>:<action>` or `hand:<id>`.

    `result`: done, not_met, cut, failed, waiting, paused, ended, parked. `steps` is JSON text, one item an action.
    `trigger`: the event's kind, or `timer`, `cron`, `run`, `hand`; `seq` the entry that triggered, `stage` the OPV's
    then. `todo` is JSON text of the actions that are left, `[place, action]` each, of a run that waits, is paused or
    failed; a waiting one goes on at `due_at`. `waited_seq`: the OPV's last entry when it began to wait; `rechecks`: its
    automation's condition held then and must hold again. `asked_by`: who had it run by hand."""

    __tablename__ = "automation_runs"
    __table_args__ = (
        UniqueConstraint("automation", "opportunity_id", "occurrence"),
        Index("ix_automation_runs_opportunity_id", "opportunity_id"),
        Index("ix_automation_runs_automation_id", "automation", "id"),
        Index(
            "ix_automation_runs_due_at",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
            sqlite_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_automation_runs_stopped",
            "result",
            "automation",
            "id",
            postgresql_where=text("result IN ('cut', 'failed', 'paused')"),
            sqlite_where=text("result IN ('cut', 'failed', 'paused')"),
        ),
    )

    id: Mapped[Id]
    automation: Mapped[Long]
    opportunity_id: Mapped[Ref]
    occurrence: Mapped[Long]
    at: Mapped[Time]
    result: Mapped[Long]
    because: Mapped[str | None]
    steps: Mapped[Long]
    trigger: Mapped[str | None]
    seq: Mapped[int | None]
    stage: Mapped[str | None]
    chain: Mapped[str | None]
    todo: Mapped[str | None]
    waited_seq: Mapped[int | None]
    rechecks: Mapped[bool] = mapped_column(server_default=text("false"))
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime())
    asked_by: Mapped[str | None]
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))


class AutomationState(Base):
    """How an automation does. `activated_at`: since when it is in the configuration, and active. `paused_at`: since
    when it does nothing, `paused_by` whom (a person, or `system` after failures), `because` why. `failures`: runs in a
    row that failed, the last at `failed_at`. `window_at`: since when `window_runs` are counted for its rate."""

    __tablename__ = "automation_states"

    key: Mapped[str] = mapped_column(primary_key=True)
    activated_at: Mapped[Time]
    paused_at: Mapped[datetime | None] = mapped_column(UtcTime())
    paused_by: Mapped[str | None]
    because: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failed_at: Mapped[datetime | None] = mapped_column(UtcTime())
    window_at: Mapped[datetime | None] = mapped_column(UtcTime())
    window_runs: Mapped[int] = mapped_column(server_default=text("0"))


class Schedule(Base):
    """Of a scheduled automation, by `cron` in `zone`: `next_at` is the next planned time that nothing was done about
    yet; `due_at` that time or, while a run is under way (`started_at`), when it goes on. `planned_at`: the time that
    the run under way, or the last one, was planned for; `cursor`: the last OPV that was looked at; `seen`, `matched`
    as of `ScheduledRun`. No `due_at`: the configuration has it no more."""

    __tablename__ = "schedules"
    __table_args__ = (Index("ix_schedules_due_at", "due_at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    cron: Mapped[Long]
    zone: Mapped[Long]
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime | None] = mapped_column(UtcTime())
    planned_at: Mapped[datetime | None] = mapped_column(UtcTime())
    started_at: Mapped[datetime | None] = mapped_column(UtcTime())
    cursor: Mapped[UUID | None]
    seen: Mapped[int] = mapped_column(server_default=text("0"))
    matched: Mapped[int] = mapped_column(server_default=text("0"))


class ScheduledRun(Base):
    """A run of a scheduled automation that is over, or a planned time that none was begun for. `result`: done,
    timed_out, stopped (the configuration has it no more, or its worker died, or a bug), skipped (a time that was
    missed); `seen`, `matched`: how many open OPVs were looked at, and for how many its condition held."""

    __tablename__ = "scheduled_runs"
    __table_args__ = (UniqueConstraint("automation", "planned_at"),)

    id: Mapped[Id]
    automation: Mapped[Long]
    planned_at: Mapped[Time]
    started_at: Mapped[datetime | None] = mapped_column(UtcTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime())
    result: Mapped[Long]
    seen: Mapped[int]
    matched: Mapped[int]

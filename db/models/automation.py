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
    """An `in_stage … for …` that comes due at `due_at`, unless the OPV has left the stage (another
    `stage_seq`). `due_at` NULL: parked after killing its worker."""

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
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))


class AutomationRun(Base):
    """What one occurrence did. Unique by `(automation, occurrence)`: `<seq>` of the entry or `timer:<seq>` of the
    stage, per OPV. `result`: done, not_met, cut, parked; `steps` is JSON text, one item an action."""

    __tablename__ = "automation_runs"
    __table_args__ = (
        UniqueConstraint("automation", "opportunity_id", "occurrence"),
        Index("ix_automation_runs_opportunity_id", "opportunity_id"),
    )

    id: Mapped[Id]
    automation: Mapped[Long]
    opportunity_id: Mapped[Ref]
    occurrence: Mapped[Long]
    at: Mapped[Time]
    result: Mapped[Long]
    because: Mapped[str | None]
    steps: Mapped[Long]

"""What the house does by the clock for its channels, and what it found: chores, alarms, hourly counts, drift."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Small, Time, UtcTime


class Chore(Base):
    """A piece of upkeep that comes due again and again: `hours`, `health`, `checkpoint`, `reconcile:<channel>`,
    `check:<channel>`, `arm:<automation>`. `planned_at`: since when the configuration asks for it; `last_at`: the
    beginning of its last good run; `reason`: why the last one failed; `state`: JSON text of its own. Without `due_at`
    the configuration asks for it no more."""

    __tablename__ = "chores"
    __table_args__ = (Index("ix_chores_due_at", "due_at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[Small]
    planned_at: Mapped[Time]
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))
    failures: Mapped[Small] = mapped_column(server_default=text("0"))
    last_at: Mapped[datetime | None] = mapped_column(UtcTime())
    reason: Mapped[str | None]
    state: Mapped[Long] = mapped_column(server_default=text("'{}'"))


class Alarm(Base):
    """Something a person must look at. One is open at a time for each kind and channel (0: the house)."""

    __tablename__ = "alarms"
    __table_args__ = (
        Index(
            "uq_alarms_open",
            "kind",
            "channel",
            unique=True,
            postgresql_where=text("cleared_at IS NULL"),
            sqlite_where=text("cleared_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    kind: Mapped[Long]
    channel: Mapped[Small]
    detail: Mapped[Long]
    raised_at: Mapped[Time]
    cleared_at: Mapped[datetime | None] = mapped_column(UtcTime())


class ChannelHour(Base):
    """Deliveries of a channel in one hour (UTC) and when the last of them came, counted after it: what "usual" is
    measured by."""

    __tablename__ = "channel_hours"
    __table_args__ = (PrimaryKeyConstraint("channel", "hour"),)

    channel: Mapped[Small]
    hour: Mapped[Time]
    deliveries: Mapped[int]
    last_at: Mapped[Time]


class Drift(Base):
    """A field that a platform sent and its source does not know, reported once. No value is kept."""

    __tablename__ = "drift"
    __table_args__ = (PrimaryKeyConstraint("source", "field"),)

    source: Mapped[Long]
    field: Mapped[Long]
    channel: Mapped[Small]
    delivery_id: Mapped[UUID]
    first_at: Mapped[Time]


class Reconciliation(Base):
    """One pull from a platform's API: the window asked for, leads seen in it, and those only it brought."""

    __tablename__ = "reconciliations"
    __table_args__ = (Index("ix_reconciliations_channel_id", "channel", "id"),)

    id: Mapped[Id]
    channel: Mapped[Small]
    since: Mapped[Time]
    started_at: Mapped[Time]
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime())
    seen: Mapped[int]
    found: Mapped[int]
    reason: Mapped[str | None]

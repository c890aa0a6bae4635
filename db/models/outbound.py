"""Messages to people and systems; retries live in these rows, and how the systems do in those of destinations."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Small, Time, UtcTime


class OutboundMessage(Base):
    """A message through a target. `idempotency_key` goes with every try; `state`: pending, sent, parked. `replayed_by`:
    who put it back last, after it was parked. `read_at`: when its recipient marked it as read, of one that is kept for
    the person in the program (target `log`)."""

    __tablename__ = "outbound_messages"
    __table_args__ = (
        UniqueConstraint("idempotency_key"),
        Index(
            "ix_outbound_messages_due_at",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
            sqlite_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_outbound_messages_opportunity_id",
            "opportunity_id",
            postgresql_where=text("opportunity_id IS NOT NULL"),
            sqlite_where=text("opportunity_id IS NOT NULL"),
        ),
        Index(
            "ix_outbound_messages_recipient_id",
            "recipient",
            "id",
            postgresql_where=text("target = 'log'"),
            sqlite_where=text("target = 'log'"),
        ),
        Index(
            "ix_outbound_messages_parked",
            "id",
            postgresql_where=text("state = 'parked'"),
            sqlite_where=text("state = 'parked'"),
        ),
    )

    id: Mapped[Id]
    idempotency_key: Mapped[Long]
    target: Mapped[Long]
    kind: Mapped[Long]
    recipient: Mapped[Long]
    opportunity_id: Mapped[UUID | None]
    body: Mapped[Long]
    state: Mapped[Long]
    reason: Mapped[str | None]
    created_at: Mapped[Time]
    sent_at: Mapped[datetime | None] = mapped_column(UtcTime())
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))
    failures: Mapped[Small] = mapped_column(server_default=text("0"))
    replayed_at: Mapped[datetime | None] = mapped_column(UtcTime())
    replayed_by: Mapped[str | None]
    read_at: Mapped[datetime | None] = mapped_column(UtcTime())


class Destination(Base):
    """How the system behind a configured target does, by the target's key. `failures`: tries in a row that it did not
    answer, or not now. After enough of them it is open, and nothing is tried before `open_until`; then one process
    sends one message, a probe, and the others wait for it until `probed_until`. `openings`: how often in a row,
    `opened_at`: since when. `reason`: why the last try failed."""

    __tablename__ = "destinations"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    openings: Mapped[int] = mapped_column(server_default=text("0"))
    opened_at: Mapped[datetime | None] = mapped_column(UtcTime())
    open_until: Mapped[datetime | None] = mapped_column(UtcTime())
    probed_until: Mapped[datetime | None] = mapped_column(UtcTime())
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcTime())
    failed_at: Mapped[datetime | None] = mapped_column(UtcTime())
    reason: Mapped[str | None]

"""Messages to people and systems; retries live in these rows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Small, Time, UtcTime


class OutboundMessage(Base):
    """A message through a target. `idempotency_key` goes with every try; `state`: pending, sent, parked."""

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

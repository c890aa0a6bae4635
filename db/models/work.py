"""What people have still to do for an OPV, and the files they put to it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Raw, Ref, Time, UtcTime


class PendingItem(Base):
    """A pending item (pendência): what `owner` has to do until `due_at`. `state`: open, done, cancelled.
    `created_by`: a person, or the actor when it was none; `questionnaire`: the one that an automation asks to fill in.
    Erasing a client blanks `title`."""

    __tablename__ = "pending_items"
    __table_args__ = (
        Index("ix_pending_items_opportunity_id", "opportunity_id"),
        Index(
            "ix_pending_items_open",
            "owner",
            "due_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    id: Mapped[Id]
    opportunity_id: Mapped[Ref]
    title: Mapped[str | None]
    owner: Mapped[Long]
    due_at: Mapped[Time]
    state: Mapped[Long]
    created_by: Mapped[Long]
    created_at: Mapped[Time]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime())
    questionnaire: Mapped[str | None]


class Attachment(Base):
    """A file of an OPV; its bytes are in the attachments folder, in a file named by the id. Erasing removes the file
    and blanks `name`."""

    __tablename__ = "attachments"
    __table_args__ = (Index("ix_attachments_opportunity_id", "opportunity_id"),)

    id: Mapped[Id]
    opportunity_id: Mapped[Ref]
    client_id: Mapped[UUID | None]
    name: Mapped[str | None]
    content_type: Mapped[Long]
    size: Mapped[int]
    sha256: Mapped[Raw]
    added_by: Mapped[Long]
    added_at: Mapped[Time]
    erased_at: Mapped[datetime | None] = mapped_column(UtcTime())
    removed_at: Mapped[datetime | None] = mapped_column(UtcTime())

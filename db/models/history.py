"""The history of an OPV: one immutable, chained row a fact; personal content beside it, erasable."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Long, Raw, Ref, Time, UtcTime


class HistoryEntry(Base):
    """One fact. `data` is the JSON text as hashed; `hash` covers the entry and the hash before it;
    `content_hash` is the salted commitment to the content row, when there is one."""

    __tablename__ = "history_entries"
    __table_args__ = (PrimaryKeyConstraint("opportunity_id", "seq"),)

    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    at: Mapped[Time]
    kind: Mapped[Long]
    actor: Mapped[Long]
    data: Mapped[Long]
    content_hash: Mapped[bytes | None] = mapped_column(LargeBinary())
    hash: Mapped[Raw]


class HistoryContent(Base):
    """Personal text of an entry (JSON text) and the salt of its commitment. Erasing blanks both."""

    __tablename__ = "history_contents"
    __table_args__ = (
        PrimaryKeyConstraint("opportunity_id", "seq"),
        ForeignKeyConstraint(["opportunity_id", "seq"], ["history_entries.opportunity_id", "history_entries.seq"]),
    )

    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    content: Mapped[str | None]
    salt: Mapped[bytes | None] = mapped_column(LargeBinary())
    erased_at: Mapped[datetime | None] = mapped_column(UtcTime())

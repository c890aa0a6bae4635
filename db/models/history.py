"""The history of an OPV: one immutable, chained row a fact; personal content beside it, erasable."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKeyConstraint, Index, LargeBinary, PrimaryKeyConstraint, text
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


class PersonalRead(Base):
    """A person read personal data of an OPV on a day (UTC), so many times. `what`: `opv`, `history`, `clients`, `list`,
    `export`, `attachment`. Refused DELETE; once sealed into the history (`sealed_seq`) refused UPDATE too."""

    __tablename__ = "personal_reads"
    __table_args__ = (
        PrimaryKeyConstraint("opportunity_id", "day", "person", "what"),
        Index(
            "ix_personal_reads_unsealed",
            "day",
            postgresql_where=text("sealed_seq IS NULL"),
            sqlite_where=text("sealed_seq IS NULL"),
        ),
    )

    opportunity_id: Mapped[Ref]
    day: Mapped[date] = mapped_column(Date)
    person: Mapped[Long]
    what: Mapped[Long]
    first_at: Mapped[Time]
    last_at: Mapped[Time]
    times: Mapped[int]
    sealed_seq: Mapped[int | None]


class Checkpoint(Base):
    """The heads of all chains at a moment, as one hash (the root of a Merkle tree); `hash` covers the root and the
    checkpoint before. Append-only."""

    __tablename__ = "checkpoints"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[Time]
    opvs: Mapped[int]
    root: Mapped[Raw]
    hash: Mapped[Raw]


class CheckpointHead(Base):
    """The head of an OPV's chain at a checkpoint, if it differs from that at the checkpoint before. Append-only."""

    __tablename__ = "checkpoint_heads"
    __table_args__ = (PrimaryKeyConstraint("opportunity_id", "checkpoint"),)

    opportunity_id: Mapped[Ref]
    checkpoint: Mapped[int]
    seq: Mapped[int]
    head: Mapped[Raw]

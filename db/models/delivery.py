"""Deliveries as received and the submissions read out of them."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Raw, Ref, Small, Time, UtcTime


class Outcome(StrEnum):
    """What became of a submission, and of a delivery."""

    PENDING = "pending"
    PARKED = "parked"
    CAPTURED = "captured"
    REPEATED = "repeated"
    TEST = "test"
    IGNORED = "ignored"


class DeliveryOutcome(IntEnum):
    """`Outcome` as the deliveries table keeps it; the smallest of its submissions' is the delivery's."""

    PENDING = 0
    PARKED = 1
    CAPTURED = 2
    REPEATED = 3
    TEST = 4
    IGNORED = 5

    @property
    def outcome(self) -> Outcome:
        """The word for it."""
        return Outcome[self.name]


class SubmissionState(StrEnum):
    """Where a submission's work stands: `fetch` and `ingest` are work lists, `done` has an outcome."""

    FETCH = "fetch"
    INGEST = "ingest"
    DONE = "done"


class Delivery(Base):
    """One request as received, with secrets masked. Only types that no sender can make an INSERT fail with.

    `to_ingest` rows are those with `due_at` set; a claim moves `due_at` to the end of its lease. Once `accepted_at`
    is set, none of its leads is junk. `erased_at`: URL, headers and body are blank since.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "ix_deliveries_due_at",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
            sqlite_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_parked",
            "id",
            postgresql_where=text("outcome = 1"),
            sqlite_where=text("outcome = 1"),
        ),
    )

    id: Mapped[Id]
    channel: Mapped[Small]
    received_at: Mapped[Time]
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))
    outcome: Mapped[Small] = mapped_column(server_default=text("0"))
    secret: Mapped[Small]
    replays: Mapped[Small] = mapped_column(server_default=text("0"))
    accepted_at: Mapped[datetime | None] = mapped_column(UtcTime())
    erased_at: Mapped[datetime | None] = mapped_column(UtcTime())
    sha256: Mapped[Raw]
    url: Mapped[Raw]
    headers: Mapped[Raw]
    body: Mapped[Raw]


class Submission(Base):
    """One lead of one delivery. Unique by `(namespace, key)`; a repeat and a conflict have no key of their own
    and point at the first in `repeat_of`. `opportunity_id`: the OPV whose history took a message or call; the OPV of
    a capture is on its card. `address`: a hash of the visitor's address, where the channel limits leads per address."""

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("namespace", "key"),
        Index("ix_submissions_delivery_id", "delivery_id"),
        Index(
            "ix_submissions_due_at_fetch",
            "due_at",
            postgresql_where=text("state = 'fetch'"),
            sqlite_where=text("state = 'fetch'"),
        ),
        Index(
            "ix_submissions_due_at_ingest",
            "due_at",
            postgresql_where=text("state = 'ingest'"),
            sqlite_where=text("state = 'ingest'"),
        ),
        Index(
            "ix_submissions_address_created_at",
            "address",
            "created_at",
            postgresql_where=text("address IS NOT NULL"),
            sqlite_where=text("address IS NOT NULL"),
        ),
        Index(
            "ix_submissions_repeat_of",
            "repeat_of",
            postgresql_where=text("repeat_of IS NOT NULL"),
            sqlite_where=text("repeat_of IS NOT NULL"),
        ),
        Index(
            "ix_submissions_opportunity_id",
            "opportunity_id",
            postgresql_where=text("opportunity_id IS NOT NULL"),
            sqlite_where=text("opportunity_id IS NOT NULL"),
        ),
        Index(
            "ix_submissions_parked",
            "id",
            postgresql_where=text("outcome = 'parked'"),
            sqlite_where=text("outcome = 'parked'"),
        ),
    )

    id: Mapped[Id]
    delivery_id: Mapped[Ref]
    position: Mapped[int]
    channel: Mapped[Small]
    namespace: Mapped[Long]
    key: Mapped[str | None]
    external_id: Mapped[str | None]
    repeat_of: Mapped[UUID | None]
    opportunity_id: Mapped[UUID | None]
    state: Mapped[Long]
    outcome: Mapped[Long]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    created_at: Mapped[Time]
    done_at: Mapped[datetime | None] = mapped_column(UtcTime())
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))
    failures: Mapped[Small] = mapped_column(server_default=text("0"))
    pointer: Mapped[str | None]
    fetched: Mapped[bytes | None] = mapped_column(LargeBinary())
    person: Mapped[bytes | None] = mapped_column(LargeBinary())
    address: Mapped[bytes | None] = mapped_column(LargeBinary())

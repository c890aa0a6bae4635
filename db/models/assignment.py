"""Who serves an OPV, the decision behind it, the queues' turns, and the list of OPVs to distribute."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Ref, Small, Time, UtcTime

ONLY_BY = "="
"""What stands before the `rule` of an OPV on the list that this rule or queue alone is to give out."""


class Assignment(Base):
    """Team, manager and broker of an OPV since a moment, by a decision; the newest of its `part` is in force: `sales`,
    `presales` (pré-atendimento), or `second` (the broker it is shared with, nobody: no more). Without a broker the
    manager holds it."""

    __tablename__ = "assignments"
    __table_args__ = (
        Index("ix_assignments_opportunity_id", "opportunity_id"),
        Index(
            "ix_assignments_broker_since",
            "broker",
            "since",
            postgresql_where=text("broker IS NOT NULL"),
            sqlite_where=text("broker IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    opportunity_id: Mapped[Ref]
    decision_id: Mapped[Ref]
    team: Mapped[str | None]
    manager: Mapped[str | None]
    broker: Mapped[str | None]
    since: Mapped[Time]
    part: Mapped[Long] = mapped_column(server_default=text("'sales'"))


class TransferRequest(Base):
    """Somebody asks that an OPV be given to `broker` (nobody: to whoever is found). `kind`: `transfer`, by one who
    serves it; `ownership`, by one who registered its client by hand; `invalid`, by its broker, who says that the lead
    is none and asks for the turn back. `state`: open, granted, refused, void (the OPV was closed or given away
    meanwhile). The words are with the history entries `seq` and `answer_seq`."""

    __tablename__ = "transfer_requests"
    __table_args__ = (
        Index(
            "uq_transfer_requests_open",
            "opportunity_id",
            "asked_by",
            unique=True,
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
        Index(
            "ix_transfer_requests_invalid",
            "asked_by",
            postgresql_where=text("kind = 'invalid' AND state = 'granted'"),
            sqlite_where=text("kind = 'invalid' AND state = 'granted'"),
        ),
    )

    id: Mapped[Id]
    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    kind: Mapped[Long]
    asked_by: Mapped[Long]
    broker: Mapped[str | None]
    at: Mapped[Time]
    state: Mapped[Long]
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None] = mapped_column(UtcTime())
    answer_seq: Mapped[int | None]


class Decision(Base):
    """One run of distribution over one OPV, in one of its parts. `explanation` is JSON text: rules tried and why each
    did not match, who was left out for this lead and why, the line before and after, the turn. `snapshot` is the digest
    of the queue's members as they were then."""

    __tablename__ = "decisions"
    __table_args__ = (Index("ix_decisions_opportunity_id", "opportunity_id"),)

    id: Mapped[Id]
    opportunity_id: Mapped[Ref]
    at: Mapped[Time]
    config_version: Mapped[int]
    rule: Mapped[str | None]
    queue: Mapped[str | None]
    broker: Mapped[str | None]
    reason: Mapped[str | None]
    explanation: Mapped[Long]
    part: Mapped[Long] = mapped_column(server_default=text("'sales'"))
    snapshot: Mapped[str | None]


class QueueSnapshot(Base):
    """A queue's members at a decision, each once per state that they were in. `members` is JSON text: broker and the
    reason why nothing would be given to it (null: none), in the order of the roster."""

    __tablename__ = "queue_snapshots"
    __table_args__ = (PrimaryKeyConstraint("queue", "digest"),)

    queue: Mapped[Long]
    digest: Mapped[Long]
    at: Mapped[Time]
    members: Mapped[Long]


class DistributionWork(Base):
    """An OPV that waits for somebody, in its `part` (sales, presales). `state`: `waiting` for a broker; `offered` until
    `due_at` to all brokers of `queue`, or in its `pool`, until one claims it; `accepting`: `broker` is to accept it
    until `due_at`. With `due_at` NULL nothing comes due: it is undistributed, for `reason`, until the configuration
    changes or somebody takes it.

    `prefer` is the broker who served the client last, at `prefer_at`; `exclude` those to leave out, comma-separated,
    the last who let it go last; `hops` how often it returned. `rule` is the one that decided; before a decision, `=KEY`
    is the rule or queue that alone is to decide. `depth` and `chain` as in `PendingEvent`: the automations
    that asked for it."""

    __tablename__ = "distribution_work"
    __table_args__ = (
        Index(
            "ix_distribution_work_due_at",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
            sqlite_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_distribution_work_reason",
            "reason",
            postgresql_where=text("reason IS NOT NULL"),
            sqlite_where=text("reason IS NOT NULL"),
        ),
    )

    opportunity_id: Mapped[Id]
    since: Mapped[Time]
    due_at: Mapped[datetime | None] = mapped_column(UtcTime())
    lease: Mapped[UUID | None]
    attempts: Mapped[Small] = mapped_column(server_default=text("0"))
    prefer: Mapped[str | None]
    exclude: Mapped[str | None]
    reason: Mapped[str | None]
    config_version: Mapped[int] = mapped_column(server_default=text("0"))
    depth: Mapped[Small] = mapped_column(server_default=text("0"))
    chain: Mapped[Long] = mapped_column(server_default=text("''"))
    part: Mapped[Long] = mapped_column(server_default=text("'sales'"))
    state: Mapped[Long] = mapped_column(server_default=text("'waiting'"))
    broker: Mapped[str | None]
    queue: Mapped[str | None]
    rule: Mapped[str | None]
    hops: Mapped[Small] = mapped_column(server_default=text("0"))
    prefer_at: Mapped[datetime | None] = mapped_column(UtcTime())


class QueueTurn(Base):
    """A queue's turn counter. Locked in a statement of its own before its members are read."""

    __tablename__ = "queues"

    key: Mapped[str] = mapped_column(primary_key=True)
    turn: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class PausedQueue(Base):
    """A queue that gives nothing until it is resumed."""

    __tablename__ = "paused_queues"

    queue: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[Time]
    by: Mapped[Long]


class QueueMember(Base):
    """A broker of a queue (`@team`: a team of it) and the turn at which it was last served (or entered, or came back).
    `owed`: turns to be made good; `balance`: what its picker keeps."""

    __tablename__ = "queue_members"
    __table_args__ = (PrimaryKeyConstraint("queue", "broker"),)

    queue: Mapped[Long]
    broker: Mapped[Long]
    last_turn: Mapped[int] = mapped_column(BigInteger)
    served: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int]
    active: Mapped[bool]
    owed: Mapped[int] = mapped_column(server_default=text("0"))
    balance: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class Availability(Base):
    """What a person said of itself: `available` (checked in, at `stand` when it is one) or `paused`, until `until` when
    that is set. Who has no row said nothing."""

    __tablename__ = "availability"

    person: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[Long]
    stand: Mapped[str | None]
    since: Mapped[Time]
    until: Mapped[datetime | None] = mapped_column(UtcTime())
    by: Mapped[Long]


class ExcludedPair(Base):
    """A client who is not to be served by a broker."""

    __tablename__ = "excluded_pairs"
    __table_args__ = (PrimaryKeyConstraint("client_id", "broker"),)

    client_id: Mapped[Ref]
    broker: Mapped[Long]
    at: Mapped[Time]
    by: Mapped[Long]

"""Clients, the keys by which they are recognized, and their part in OPVs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Ref, Time, UtcTime


class Client(Base):
    """A natural or legal person. `phones` (E.164) and `emails` are JSON lists, the first is the main one. `details` is
    JSON text of the shape `schemas.client.ClientDetails`. `merged_into`: the client that this one turned out to be.
    `erased_at`: all personal values are blank since."""

    __tablename__ = "clients"
    __table_args__ = (
        Index(
            "ix_clients_merged_into",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
            sqlite_where=text("merged_into IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    kind: Mapped[Long]
    name: Mapped[str | None]
    document: Mapped[str | None]
    phones: Mapped[Long]
    emails: Mapped[Long]
    created_at: Mapped[Time]
    details: Mapped[Long] = mapped_column(server_default=text("'{}'"))
    spouse_id: Mapped[UUID | None]
    merged_into: Mapped[UUID | None]
    erased_at: Mapped[datetime | None] = mapped_column(UtcTime())


class ContactKey(Base):
    """A normalized document, phone, or e-mail with first name, and the client that it belongs to.

    People meet here: the primary key makes two first leads of one person one client. `names` is a JSON list of
    the folded names seen with it; with five different ones a phone stops matching (`stopped_at`).
    """

    __tablename__ = "contact_keys"
    __table_args__ = (
        PrimaryKeyConstraint("kind", "value"),
        Index("ix_contact_keys_client_id", "client_id"),
        Index(
            "ix_contact_keys_email",
            "value",
            postgresql_where=text("kind = 'email'"),
            postgresql_ops={"value": "text_pattern_ops"},
            sqlite_where=text("kind = 'email'"),
        ),
    )

    kind: Mapped[Long]
    value: Mapped[Long]
    client_id: Mapped[Ref]
    names: Mapped[Long]
    stopped_at: Mapped[datetime | None] = mapped_column(UtcTime())


class InvolvedClient(Base):
    """A client's part in an OPV: buyer, spouse, partner, guarantor, representative."""

    __tablename__ = "involved_clients"
    __table_args__ = (
        PrimaryKeyConstraint("opportunity_id", "client_id"),
        Index("ix_involved_clients_client_id", "client_id"),
    )

    opportunity_id: Mapped[Ref]
    client_id: Mapped[Ref]
    role: Mapped[Long]


class MergeSuggestion(Base):
    """Two clients that one lead's contacts, or what was typed of one, point at: likely the same person. `client_id` is
    the smaller of the two; `because`: `document`, `phone`, `email`."""

    __tablename__ = "merge_suggestions"
    __table_args__ = (
        PrimaryKeyConstraint("client_id", "other_id"),
        Index("ix_merge_suggestions_other_id", "other_id"),
    )

    client_id: Mapped[Ref]
    other_id: Mapped[Ref]
    submission_id: Mapped[UUID | None]
    because: Mapped[Long]
    created_at: Mapped[Time]

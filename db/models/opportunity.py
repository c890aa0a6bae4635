"""The OPV (Oportunidade de Venda) and its capture cards."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Raw, Ref, Time, UtcTime


def _where_set(column: str) -> Index:
    """An index for the few rows that have the column, newest first."""
    condition = text(f"{column} IS NOT NULL")
    return Index(f"ix_opportunities_{column}_id", column, "id", postgresql_where=condition, sqlite_where=condition)


class Opportunity(Base):
    """An OPV. `stage_seq` is the history entry that put it into its stage; `history_seq` and `history_head`
    are the chain's last entry, written under this row's lock. `status`: open, won or lost. `first_contact_at`: when
    someone of the house first called, wrote to or met the client. `presales_*`: who serves it before sales
    (pré-atendimento); `second_broker`: with whom the broker shares it. `stage_status`: the status
    within the stage; `tags` (a list of keys) and `fields` (values by key) are JSON text, NULL when there are none."""

    __tablename__ = "opportunities"
    __table_args__ = (
        UniqueConstraint("number"),
        Index("ix_opportunities_client_id", "client_id"),
        Index("ix_opportunities_broker_id", "broker", "id"),
        Index("ix_opportunities_manager_id", "manager", "id"),
        _where_set("presales_broker"),
        _where_set("presales_manager"),
        _where_set("second_broker"),
        Index(
            "ix_opportunities_open_broker",
            "broker",
            "first_contact_at",
            postgresql_where=text("status = 'open' AND broker IS NOT NULL"),
            sqlite_where=text("status = 'open' AND broker IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    number: Mapped[int]
    client_id: Mapped[Ref]
    funnel: Mapped[Long]
    stage: Mapped[Long]
    stage_seq: Mapped[int]
    status: Mapped[Long]
    development: Mapped[str | None]
    team: Mapped[str | None]
    manager: Mapped[str | None]
    broker: Mapped[str | None]
    presales_team: Mapped[str | None]
    presales_manager: Mapped[str | None]
    presales_broker: Mapped[str | None]
    second_broker: Mapped[str | None]
    assigned_at: Mapped[datetime | None] = mapped_column(UtcTime())
    first_contact_at: Mapped[datetime | None] = mapped_column(UtcTime())
    created_at: Mapped[Time]
    history_seq: Mapped[int]
    history_head: Mapped[Raw]
    stage_status: Mapped[str | None]
    tags: Mapped[str | None]
    fields: Mapped[str | None]


class CaptureOrigin(Base):
    """A capture card: where, when and with what one lead of this OPV came in.

    `details` is JSON text: ad, utm, click_ids, message, answers, consent, extra, raw, flags. `seq` is the history
    entry that captured it.
    """

    __tablename__ = "capture_origins"
    __table_args__ = (
        Index("ix_capture_origins_opportunity_id_seq", "opportunity_id", "seq"),
        UniqueConstraint("submission_id"),
    )

    id: Mapped[Id]
    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    client_id: Mapped[Ref]
    submission_id: Mapped[UUID | None]
    delivery_id: Mapped[UUID | None]
    source: Mapped[Long]
    channel: Mapped[Long]
    external_id: Mapped[str | None]
    received_at: Mapped[Time]
    submitted_at: Mapped[datetime | None] = mapped_column(UtcTime())
    is_returning: Mapped[bool]
    campaign: Mapped[str | None]
    medium: Mapped[str | None]
    origin: Mapped[str | None]
    development: Mapped[str | None]
    listing: Mapped[str | None]
    transaction: Mapped[str | None]
    price_cents: Mapped[int | None] = mapped_column(BigInteger)
    city: Mapped[str | None]
    state: Mapped[str | None]
    details: Mapped[Long]


class Unmapped(Base):
    """A value that did not resolve to anything configured, counted, with the last capture that had it."""

    __tablename__ = "unmapped"
    __table_args__ = (UniqueConstraint("field", "value", "channel"),)

    id: Mapped[Id]
    field: Mapped[Long]
    value: Mapped[Long]
    channel: Mapped[Long]
    count: Mapped[int]
    first_at: Mapped[Time]
    last_at: Mapped[Time]
    last_capture_id: Mapped[UUID | None]

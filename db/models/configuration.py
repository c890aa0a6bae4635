"""Configuration versions and what they have named: channels (numbered, for deliveries), retired keys, tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Small, Time, UtcTime


class ConfigVersion(Base):
    """One applied configuration; the newest is in force. `document` is JSON with `${NAME}` where secrets go."""

    __tablename__ = "config_versions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[Long]
    changes: Mapped[Long]
    applied_at: Mapped[Time]
    applied_by: Mapped[Long]


class ChannelRow(Base):
    """A channel ever configured. A retired one keeps its number, its last configuration, and accepts and parks."""

    __tablename__ = "channels"
    __table_args__ = (UniqueConstraint("key"),)

    id: Mapped[Small] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[Long]
    source: Mapped[Long]
    document: Mapped[Long]
    retired_at: Mapped[datetime | None] = mapped_column(UtcTime())


class RetiredKey(Base):
    """A person, team, stage, … that a newer configuration dropped: its name stays known to old rows."""

    __tablename__ = "retired_keys"
    __table_args__ = (PrimaryKeyConstraint("kind", "key"),)

    kind: Mapped[Long]
    key: Mapped[Long]
    name: Mapped[Long]
    retired_at: Mapped[Time]


class ChannelRefusal(Base):
    """Requests refused at the door, counted per channel and reason; no delivery is kept of them."""

    __tablename__ = "channel_refusals"
    __table_args__ = (PrimaryKeyConstraint("channel", "reason"),)

    channel: Mapped[Small]
    reason: Mapped[Long]
    count: Mapped[int]
    last_at: Mapped[Time]


class Token(Base):
    """An API token of a person, stored as the sha256 of its text."""

    __tablename__ = "tokens"
    __table_args__ = (UniqueConstraint("hash"),)

    id: Mapped[Id]
    person: Mapped[Long]
    hash: Mapped[bytes]
    created_at: Mapped[Time]
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime())

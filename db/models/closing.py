"""The two ends of an OPV, as reports count them: withdrawals and won sales."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, Date, Index, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Long, Ref, Time


class Withdrawal(Base):
    """A client gave up (desistência): who served it then, and the stage it came from. `seq` is the history entry, which
    has the remarks. It stays when the OPV is reopened."""

    __tablename__ = "withdrawals"
    __table_args__ = (PrimaryKeyConstraint("opportunity_id", "seq"), Index("ix_withdrawals_at", "at"))

    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    at: Mapped[Time]
    reason: Mapped[Long]
    stage: Mapped[Long]
    team: Mapped[str | None]
    manager: Mapped[str | None]
    broker: Mapped[str | None]
    development: Mapped[str | None]


class WonSale(Base):
    """A sale (venda ganha): what was sold, for how much, and on which day. `seq` is the history entry."""

    __tablename__ = "won_sales"
    __table_args__ = (PrimaryKeyConstraint("opportunity_id", "seq"), Index("ix_won_sales_at", "at"))

    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    at: Mapped[Time]
    value_cents: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[Long]
    sold_on: Mapped[date] = mapped_column(Date)
    team: Mapped[str | None]
    manager: Mapped[str | None]
    broker: Mapped[str | None]
    development: Mapped[str | None]

"""The two ends of an OPV, as reports count them: withdrawals and won sales; and the way to a sale by documentation."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, Id, Long, Ref, Time, UtcTime


class Withdrawal(Base):
    """A client gave up (desistência): who served it then, and the stage it came from. `seq` is the history entry, which
    has the remarks. It stays when the OPV is reopened."""

    __tablename__ = "withdrawals"
    __table_args__ = (PrimaryKeyConstraint("opportunity_id", "seq"), Index("ix_withdrawals_at", "at"))

    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    at: Mapped[Time]
    reason: Mapped[Long]
    sub_reason: Mapped[str | None]
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


class SaleProcess(Base):
    """A sale that goes through documentation in the sales module. `state`: `asked` (the module has not answered yet),
    `open` (it has: `process_id` is its own), `failed` (it refuses, for `reason`; the OPV is as it was), `won`, `lost`.
    `status` is the module's own word, as last told. One is alive at a time for an OPV."""

    __tablename__ = "sale_processes"
    __table_args__ = (
        Index(
            "uq_sale_processes_alive",
            "opportunity_id",
            unique=True,
            postgresql_where=text("state IN ('asked', 'open')"),
            sqlite_where=text("state IN ('asked', 'open')"),
        ),
        Index("ix_sale_processes_process_id", "process_id"),
        Index("ix_sale_processes_opportunity_id", "opportunity_id"),
    )

    id: Mapped[Id]
    opportunity_id: Mapped[Ref]
    seq: Mapped[int]
    at: Mapped[Time]
    asked_by: Mapped[Long]
    value_cents: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[Long]
    sold_on: Mapped[date] = mapped_column(Date)
    state: Mapped[Long]
    process_id: Mapped[str | None]
    status: Mapped[str | None]
    status_at: Mapped[datetime | None] = mapped_column(UtcTime())
    reason: Mapped[str | None]

"""Reads of processes in the sales module."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, or_, select

from db.bulk import any_of
from db.models import OutboundMessage, SaleProcess
from db.session import AnyRow
from schemas.sale import SaleProcessView

_COLUMNS = (
    SaleProcess.id, SaleProcess.opportunity_id, SaleProcess.seq, SaleProcess.at, SaleProcess.asked_by,
    SaleProcess.value_cents, SaleProcess.unit, SaleProcess.sold_on, SaleProcess.state, SaleProcess.process_id,
    SaleProcess.status, SaleProcess.status_at, SaleProcess.reason,
)  # fmt: skip


def newest_process(tx: Connection, opv: UUID) -> AnyRow | None:
    """The OPV's newest process, whatever became of it."""
    statement = select(*_COLUMNS).where(SaleProcess.opportunity_id == opv).order_by(SaleProcess.seq.desc())
    return tx.execute(statement.limit(1)).one_or_none()


def processes(tx: Connection, ids: Collection[UUID], process_ids: Collection[str] = ()) -> list[AnyRow]:
    """Processes of these ids of ours or of the module's, the oldest first."""
    p = SaleProcess
    named = [any_of(tx, p.id.expression, ids)] if ids else []
    named += [any_of(tx, p.process_id.expression, process_ids)] if process_ids else []
    if not named:
        return []
    return list(tx.execute(select(*_COLUMNS).where(or_(*named)).order_by(p.id)))


def shown_process(tx: Connection, opv: UUID) -> SaleProcessView | None:
    """The OPV's newest process as people see it."""
    row = newest_process(tx, opv)
    if row is None:
        return None
    m = OutboundMessage
    waiting = select(m.failures, m.due_at).where(m.opportunity_id == opv, m.idempotency_key == f"sale:{row.id}")
    sent = tx.execute(waiting).one_or_none() if row.state == "asked" else None
    return SaleProcessView(
        id=row.id, state=row.state, process_id=row.process_id, status=row.status, status_at=row.status_at,
        reason=row.reason, value=row.value_cents / 100, unit=row.unit, date=row.sold_on, asked_by=row.asked_by,
        asked_at=row.at, tries=sent.failures if sent else 0, next_try_at=sent.due_at if sent else None,
    )  # fmt: skip

"""The button of the won sale and the process behind it, as people see them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, select

from db.models import Opportunity
from db.queries.sales import shown_process
from opv.access import Viewer
from opv.clients.completeness import missing_of
from opv.house import House
from opv.sales.asking import ALIVE
from opv.sales.button import check_button, sales_module
from schemas.client import Missing
from schemas.errors import Reject
from schemas.sale import SaleProcessView, WonSaleView


def won_sale_of(tx: Connection, house: House, viewer: Viewer | None, opv: UUID) -> WonSaleView:
    """The button for one OPV, and whether the viewer could press it now."""
    setting = house.configuration.won_sale
    documented = setting.mode == "documentation"
    status = tx.execute(select(Opportunity.status).where(Opportunity.id == opv)).scalar_one()
    process = shown_process(tx, opv)
    missing = missing_of(tx, opv, house) if documented and status == "open" else []
    reason = _why_not(house, viewer, status, process, missing)
    return WonSaleView(
        button=setting.button, label=setting.label, mode=setting.mode, may=reason is None, reason=reason,
        process=process, missing=missing,
    )  # fmt: skip


def _why_not(
    house: House, viewer: Viewer | None, status: str, process: SaleProcessView | None, missing: list[Missing]
) -> str | None:
    try:
        check_button(house, viewer)
        if status != "open":
            return "opv_closed"
        if house.configuration.won_sale.mode == "documentation":
            sales_module(house)
            if process is not None and process.state in ALIVE:
                return "process_alive"
            if missing:
                return "clients_incomplete"
    except Reject as refused:
        return refused.reason
    return None

"""Withdrawals (desistências), counted."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection

from db.queries import reports
from opv.house import House
from opv.reports.counting import counted, crossed
from opv.reports.dimensions import columns, dimension
from schemas.reports import CountItem, CrossItem, WithdrawalFilters


def withdrawals(
    tx: Connection, house: House, seen: ColumnElement[bool], filters: WithdrawalFilters
) -> list[CountItem] | list[CrossItem]:
    """Withdrawals of the period by `by`, in a two-way table with `across`. Raises `Reject` (422): empty period."""
    by = dimension(house, filters.by, "at")
    across = dimension(house, filters.across, "at") if filters.across else None
    found = reports.withdrawals(tx, seen, columns(by, across), filters.period(house.zone))
    rows = [(row, int(row.number)) for row in found]
    return counted(rows, by) if across is None else crossed(rows, by, across)

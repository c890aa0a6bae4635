"""Reads about withdrawals."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select

from db.models import Opportunity
from db.queries.opvs import identified


def open_stage(tx: Connection, seen: ColumnElement[bool], ident: str) -> tuple[bool, str] | None:
    """Whether the OPV of this id or number is open, and its stage; None when there is none that the viewer sees."""
    condition = identified(ident)
    if condition is None:
        return None
    row = tx.execute(select(Opportunity.status, Opportunity.stage).where(seen, condition)).one_or_none()
    return None if row is None else (row.status == "open", row.stage)

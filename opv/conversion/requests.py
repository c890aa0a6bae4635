"""Requests for OPVs as people see them: those they asked, and those they may answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.ids import new_id
from db.models import TransferRequest
from db.queries import transfer_requests
from db.queries.transfer_requests import read_content
from db.session import AnyRow
from opv.access import Viewer, decided_by, leads, visible
from opv.by_people import Done, act
from opv.conversion.asking import ask_transfer
from opv.conversion.invalid import report_invalid
from opv.house import House
from schemas.conversion import InvalidReason, RequestFilters, RequestItem
from schemas.errors import Reject
from schemas.page import Page


def ask(
    tx: Connection, house: House, viewer: Viewer, now: datetime, ident: str, reason: str, broker: str | None
) -> Done:
    """Files a request for the transfer of the OPV; raises what `act` and `ask_transfer` do."""
    id_ = new_id()
    done = act(tx, house, viewer, now, ident, lambda at: ask_transfer(at, id_, reason, broker))
    return Done(done.opv, done.woken, id_)


def report(
    tx: Connection, house: House, viewer: Viewer, now: datetime, ident: str, reason: InvalidReason, text: str | None
) -> Done:
    """Says that the OPV's lead is none; raises what `act` and `report_invalid` do."""
    id_ = new_id()
    done = act(tx, house, viewer, now, ident, lambda at: report_invalid(at, id_, reason, text))
    return Done(done.opv, done.woken, id_)


def page(tx: Connection, house: House, viewer: Viewer, filters: RequestFilters) -> Page[RequestItem]:
    """The newest requests that the viewer filed or that are about OPVs it is over."""
    mine = TransferRequest.asked_by == viewer.person
    rows, next_ = transfer_requests.page(tx, mine, decided_by(viewer, house), visible(viewer, house), filters)
    return Page(items=[_item(row, house, viewer) for row in rows], next=next_)


def one(tx: Connection, house: House, viewer: Viewer, id_: UUID) -> RequestItem:
    """A request that the viewer filed or answered."""
    row = transfer_requests.one(tx, decided_by(viewer, house), visible(viewer, house), id_)
    if row is None:
        raise Reject("unknown_request", "no such request", 404)
    return _item(row, house, viewer)


def _item(row: AnyRow, house: House, viewer: Viewer) -> RequestItem:
    asked = read_content(row.asked)
    known = row.seen or row.over or row.kind != "ownership"  # who asked for its own OPV knows which it was
    open_to = bool(row.over) and row.state == "open"
    typed: dict[str, Any] | None = asked.get("typed")
    return RequestItem(
        id=row.id, kind=row.kind, state=row.state, asked_by=row.asked_by, broker=row.broker, at=row.at,
        opv=row.opportunity_id if known else None, number=row.number if known else None,
        reason=asked.get("reason"), text=asked.get("text"), typed=typed,
        answered_by=row.answered_by, answered_at=row.answered_at, answer=read_content(row.answered).get("reason"),
        may_grant=open_to and (row.broker is None or leads(viewer, house, None, row.broker)), may_refuse=open_to,
    )  # fmt: skip

"""Pending items (pendências): what is still to be done for OPVs, until when and by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from db.queries import opvs, pending_items
from opv.actions import Acting
from opv.by_people import act
from opv.pending_items import add_item, change_item, end_item, unknown_item
from schemas.errors import Reject
from schemas.page import Page, Parameters
from schemas.pending_items import PendingItem, PendingItemBody, PendingItemChangeBody, PendingItemFilters
from web.api.auth import Caller, Calls

router = APIRouter(tags=["pending items"])

NoParameters = Annotated[Parameters, Query()]


@router.get("/pending-items")
def list_pending_items(caller: Calls, filters: Annotated[PendingItemFilters, Query()]) -> Page[PendingItem]:
    """Pending items of the OPVs that the caller sees, those due first."""
    with caller.reading() as visit:
        found = pending_items.page(visit.tx, visit.seen, filters, caller.desk.clock())
        visit.note_reads({item.opv for item in found.items}, "pending items")
        return found


@router.get("/opvs/{ident}/pending-items")
def list_items_of_opv(ident: str, caller: Calls, filters: Annotated[PendingItemFilters, Query()]) -> Page[PendingItem]:
    """Pending items of an OPV, those due first."""
    with caller.reading() as visit:
        opv = opvs.find(visit.tx, visit.seen, ident)
        if opv is None:
            raise Reject("unknown_opv", "no such OPV", 404)
        visit.note_reads([opv], "pending items")
        return pending_items.page(visit.tx, visit.seen, filters, caller.desk.clock(), opv)


@router.post("/opvs/{ident}/pending-items", status_code=201)
def add_pending_item(ident: str, caller: Calls, body: PendingItemBody, _: NoParameters) -> PendingItem:
    """Adds an item; its owner, the caller unless another is named, sees the OPV."""
    return _act(caller, ident, lambda at: add_item(at, body.title, body.due_at, body.owner))


@router.patch("/opvs/{ident}/pending-items/{item}")
def change_pending_item(
    ident: str, item: str, caller: Calls, body: PendingItemChangeBody, _: NoParameters
) -> PendingItem:
    """Changes title, time or owner of an open item."""
    return _act(caller, ident, lambda at: change_item(at, _id(item), **body.model_dump()))


@router.post("/opvs/{ident}/pending-items/{item}/done")
def finish_pending_item(ident: str, item: str, caller: Calls, _: NoParameters) -> PendingItem:
    """The item is done."""
    return _act(caller, ident, lambda at: end_item(at, _id(item), "done"))


@router.post("/opvs/{ident}/pending-items/{item}/cancel")
def cancel_pending_item(ident: str, item: str, caller: Calls, _: NoParameters) -> PendingItem:
    """The item need not be done any more."""
    return _act(caller, ident, lambda at: end_item(at, _id(item), "cancelled"))


def _id(item: str) -> UUID:
    try:
        return UUID(item)
    except ValueError:
        raise unknown_item() from None


def _act(caller: Caller, ident: str, deed: Callable[[Acting], UUID]) -> PendingItem:
    """The item as it is after the deed, committed, and the steps woken that it made work for."""
    ids: list[UUID] = []
    with caller.acting() as visit:
        now = caller.desk.clock()
        done = act(visit.tx, visit.house, visit.viewer, now, ident, lambda at: ids.append(deed(at)))
        item = pending_items.one(visit.tx, ids[0], now)
        visit.note_reads([done.opv], "pending items")
    for step in sorted(done.woken):
        caller.desk.wake(step)
    return item

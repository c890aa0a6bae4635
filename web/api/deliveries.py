"""Deliveries as received, and replay."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from db.queries import deliveries
from opv.replay import replay
from schemas.errors import Reject
from schemas.operations import DeliveryDetail, DeliveryFilters, DeliveryItem
from schemas.page import Page, Parameters
from web.api.auth import Calls

router = APIRouter(prefix="/deliveries", tags=["operations"])


@router.get("")
def list_deliveries(caller: Calls, filters: Annotated[DeliveryFilters, Query()]) -> Page[DeliveryItem]:
    """Deliveries, newest first.

    One that holds only pointers to its leads stays `pending` until the platform has given them: its submissions
    then have the state `fetch`, with the failures so far and the time of the next try."""
    with caller.operating() as visit:
        return deliveries.page(visit.tx, filters)


@router.get("/{ident}")
def show_delivery(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> DeliveryDetail:
    """A delivery with the request as stored, secrets masked."""
    with caller.operating() as visit:
        found = deliveries.detail(visit.tx, _id(ident))
    if found is None:
        raise _unknown()
    return found


@router.post("/{ident}/replay", status_code=202)
def replay_delivery(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> DeliveryItem:
    """Reads a delivery anew. What was captured of it stays as it is; 409 while it still waits."""
    delivery = _id(ident)
    with caller.operating(write=True) as visit:
        replay(visit.tx, delivery, caller.desk.clock(), visit.viewer.person)
        found = deliveries.one(visit.tx, delivery)
    caller.desk.wake("ingest")
    if found is None:
        raise _unknown()
    return found


def _id(ident: str) -> UUID:
    try:
        return UUID(ident)
    except ValueError:
        raise _unknown() from None


def _unknown() -> Reject:
    return Reject("unknown_delivery", "no such delivery", 404)

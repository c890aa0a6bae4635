"""Reports: figures over a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from db.queries.forwarding import forwarding
from schemas.operations import ForwardingFilters, ForwardingItem
from schemas.page import Page
from web.api.auth import Calls

router = APIRouter(prefix="/reports", tags=["reports"])


@router.get("/forwarding")
def report_forwarding(caller: Calls, filters: Annotated[ForwardingFilters, Query()]) -> Page[ForwardingItem]:
    """What came in at a day, channel by channel, and what was sent on of it to the address in `forward_to`."""
    with caller.operating() as visit:
        house = visit.house
        day = filters.day or caller.desk.clock().astimezone(house.zone).date()
        return Page(items=forwarding(visit.tx, day, house.zone, house.forwards.keys()))

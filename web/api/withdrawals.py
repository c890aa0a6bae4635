"""Reasons for which an OPV may be withdrawn, for a screen to choose from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from db.queries.withdrawals import open_stage
from opv.withdrawals import possible
from schemas.errors import Reject
from schemas.page import Page
from schemas.withdrawals import ReasonFilters, ReasonItem
from web.api.auth import Calls

router = APIRouter(prefix="/withdrawal-reasons", tags=["opvs"])


@router.get("")
def list_withdrawal_reasons(caller: Calls, filters: Annotated[ReasonFilters, Query()]) -> Page[ReasonItem]:
    """Reasons of the configuration in its order; with `opv`, those for which that OPV may be withdrawn now."""
    with caller.reading() as visit:
        reasons = visit.house.configuration.withdrawal_reasons
        if filters.opv is not None:
            place = open_stage(visit.tx, visit.seen, filters.opv)
            if place is None:
                raise Reject("unknown_opv", "no such OPV", 404)
            reasons = possible(reasons, place[1]) if place[0] else []
    return Page(items=[ReasonItem(**one.model_dump()) for one in reasons])

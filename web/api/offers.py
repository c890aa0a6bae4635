"""What is there to be claimed, and claiming it. Whose leads they are is hidden until then."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from opv.distribution.claims import claim
from opv.distribution.offers import offers
from schemas.offers import OfferItem
from schemas.opv import Opv
from schemas.page import Page, Paging, Parameters
from web.api.actions import committed, shown_opv
from web.api.auth import Calls

router = APIRouter(tags=["opvs"])


@router.get("/offers")
def list_offers(caller: Calls, paging: Annotated[Paging, Query()]) -> Page[OfferItem]:
    """What the caller may claim now, the newest OPV first."""
    with caller.reading() as visit:
        return offers(visit.tx, visit.house, visit.viewer, caller.desk.clock(), paging)


@router.post("/opvs/{ident}/claim")
def claim_opv(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> Opv:
    """Claims an OPV that is offered to the caller's queue, or in its pool: the first one has it."""
    return committed(caller, lambda v: claim(v.tx, v.house, v.viewer, caller.desk.clock(), ident), shown_opv)

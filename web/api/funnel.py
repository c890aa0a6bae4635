"""The funnels, for a screen to draw: stages in order, their rules, and how many open OPVs the caller sees in each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from opv.funnel_view import shown_funnels
from schemas.funnel import ShownFunnel
from schemas.page import Page, Parameters
from web.api.auth import Calls

router = APIRouter(prefix="/funnel", tags=["opvs"])


@router.get("")
def show_funnel(caller: Calls, _: Annotated[Parameters, Query()]) -> Page[ShownFunnel]:
    """All funnels, the one without a development's name first. `offered` marks the stages that the caller's role moves
    OPVs into; `hidden` ones are not offered, though the API takes them."""
    with caller.reading() as visit:
        return Page(items=shown_funnels(visit.tx, visit.house, visit.seen, visit.viewer.role))

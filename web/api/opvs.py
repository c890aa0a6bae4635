"""OPVs as the caller sees them: what it is not linked to does not exist for it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from db.queries import opvs
from schemas.errors import Reject
from schemas.opv import DecisionItem, HistoryItem, Opv, OpvFilters
from schemas.page import Page, Paging, Parameters
from web.api.auth import Calls, Visit

router = APIRouter(prefix="/opvs", tags=["opvs"])


@router.get("")
def list_opvs(caller: Calls, filters: Annotated[OpvFilters, Query()]) -> Page[Opv]:
    """OPVs, newest first."""
    with caller.reading() as visit:
        return opvs.page(visit.tx, visit.seen, filters)


@router.get("/{ident}")
def show_opv(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> Opv:
    """An OPV by its id or number."""
    with caller.reading() as visit:
        found = opvs.one(visit.tx, visit.seen, ident)
    if found is None:
        raise _unknown()
    return found


@router.get("/{ident}/history")
def show_history(ident: str, caller: Calls, paging: Annotated[Paging, Query()]) -> Page[HistoryItem]:
    """What happened to an OPV, in order."""
    with caller.reading() as visit:
        return opvs.history(visit.tx, _find(visit, ident), paging)


@router.get("/{ident}/decisions")
def show_decisions(ident: str, caller: Calls, paging: Annotated[Paging, Query()]) -> Page[DecisionItem]:
    """How its brokers were chosen: rules tried, candidates, who was left out and why; newest first."""
    with caller.reading() as visit:
        return opvs.decisions(visit.tx, _find(visit, ident), paging)


def _find(visit: Visit, ident: str) -> UUID:
    found = opvs.find(visit.tx, visit.seen, ident)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Reject:
    return Reject("unknown_opv", "no such OPV", 404)

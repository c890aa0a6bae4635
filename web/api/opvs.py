"""OPVs as the caller sees them: what it is not linked to does not exist for it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from db.queries import decisions, opvs, reads
from opv.access import explained, oversees, sees_persons
from opv.by_people import act
from opv.distribution.explain import decision_for, for_viewer, why
from opv.funnel_view import moves_of
from opv.proof import export, prove
from schemas.errors import Reject
from schemas.opv import DecisionItem, HistoryFilters, HistoryItem, Opv, OpvDetail, OpvFilters
from schemas.page import Page, Paging, Parameters
from schemas.proof import Proof
from schemas.reads import ReadItem
from schemas.why import Why
from web.api.auth import Calls, Visit

router = APIRouter(prefix="/opvs", tags=["opvs"])


@router.get("")
def list_opvs(caller: Calls, filters: Annotated[OpvFilters, Query()]) -> Page[Opv]:
    """OPVs, newest first."""
    with caller.reading() as visit:
        page = opvs.page(visit.tx, visit.seen, filters)
        visit.note_reads((opv.id for opv in page.items), "list")
        return page


@router.get("/{ident}")
def show_opv(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> OpvDetail:
    """An OPV by its id or number, with the stages that the caller may move it to and what it lacks for them."""
    with caller.reading() as visit:
        found = opvs.one(visit.tx, visit.seen, ident)
        if found is None:
            raise _unknown()
        visit.note_reads([found.id], "opv")
        moves = moves_of(visit.tx, visit.house, visit.viewer, found)
        return OpvDetail(**found.model_dump(), moves=moves)


@router.get("/{ident}/history")
def show_history(ident: str, caller: Calls, filters: Annotated[HistoryFilters, Query()]) -> Page[HistoryItem]:
    """What happened to an OPV, in order; of certain kinds, by one person, in a time."""
    with caller.reading() as visit:
        opv = _find(visit, ident)
        visit.note_reads([opv], "history")
        return opvs.history(visit.tx, opv, filters)


@router.get("/{ident}/proof")
def export_proof(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> Proof:
    """The proof of an OPV's history, to be checked by whom it may concern; the history notes who exported it."""
    numbers: list[int] = []
    with caller.acting() as visit:
        at = caller.desk.clock()
        done = act(visit.tx, visit.house, visit.viewer, at, ident, lambda opv: numbers.append(export(opv)))
        visit.note_reads([done.opv], "export")
    return prove(caller.desk.database, done.opv, numbers[0])


@router.get("/{ident}/decisions")
def show_decisions(ident: str, caller: Calls, paging: Annotated[Paging, Query()]) -> Page[DecisionItem]:
    """How its brokers were chosen: rules tried, candidates, who was left out and why; newest first."""
    with caller.reading() as visit:
        opv = _find(visit, ident)
        visit.note_reads([opv], "decisions")
        page = decisions.page(visit.tx, opv, paging)
        return page.model_copy(update={"items": [decision_for(item, visit.viewer) for item in page.items]})


@router.get("/{ident}/why")
def show_why(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> Why:
    """Why it is with whom it is: in one sentence, and rule by rule, gate by gate, the queue before and after. Brokers
    see of colleagues only that they were not available."""
    with caller.reading() as visit:
        opv = opvs.find(visit.tx, explained(visit.viewer, visit.house), ident)
        if opv is None:
            raise _unknown()
        visit.note_reads([opv] if sees_persons(visit.viewer) else [], "decisions")
        return visit.shown(for_viewer(why(visit.tx, visit.house, opv), visit.viewer))


@router.get("/{ident}/reads")
def show_reads(ident: str, caller: Calls, paging: Annotated[Paging, Query()]) -> Page[ReadItem]:
    """Who read personal data of an OPV, the newest day first: for its managers and directors."""
    with caller.reading() as visit:
        opv = _find(visit, ident)
        if not oversees(visit.viewer):
            raise Reject("not_allowed", "only managers and directors see who read an OPV", 403)
        return reads.page(visit.tx, opv, paging)


def _find(visit: Visit, ident: str) -> UUID:
    found = opvs.find(visit.tx, visit.seen, ident)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Reject:
    return Reject("unknown_opv", "no such OPV", 404)

"""Who serves OPVs: requests for transfers, their answers, and whole portfolios."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from opv.by_people import Done
from opv.conversion import portfolio, requests
from opv.conversion.answering import answer
from opv.conversion.portfolio import Move
from schemas.conversion import (
    AnswerBody,
    InvalidBody,
    PortfolioBody,
    PortfolioItem,
    RequestBody,
    RequestFilters,
    RequestItem,
)
from schemas.page import Page
from web.api.actions import NoParameters, committed
from web.api.auth import Caller, Calls, Visit

router = APIRouter(tags=["opvs"])

UNITS_OF_A_CALL = 5
"""Units of work of one call about a portfolio; what is left is told."""


@router.post("/opvs/{ident}/transfer-requests", status_code=201)
def request_transfer(ident: str, caller: Calls, body: RequestBody, _: NoParameters) -> RequestItem:
    """Asks that the OPV be given to another broker; a manager or director answers."""

    def do(visit: Visit) -> Done:
        return requests.ask(visit.tx, visit.house, visit.viewer, caller.desk.clock(), ident, body.reason, body.broker)

    return committed(caller, do, _request)


@router.post("/opvs/{ident}/invalid", status_code=201)
def report_invalid(ident: str, caller: Calls, body: InvalidBody, _: NoParameters) -> RequestItem:
    """Says that the OPV's lead is none. Once that is confirmed, at once by a rule or by an answer, the broker's turn is
    given back and the OPV is withdrawn."""

    def do(visit: Visit) -> Done:
        return requests.report(visit.tx, visit.house, visit.viewer, caller.desk.clock(), ident, body.reason, body.text)

    return committed(caller, do, _request)


@router.get("/transfer-requests")
def list_requests(caller: Calls, filters: Annotated[RequestFilters, Query()]) -> Page[RequestItem]:
    """Requests for OPVs that the caller filed, and those about OPVs it is over; newest first."""
    with caller.reading() as visit:
        found = requests.page(visit.tx, visit.house, visit.viewer, filters)
        visit.note_reads([item.opv for item in found.items if item.opv and (item.typed or item.reason)], "requests")
        return found


@router.post("/transfer-requests/{ident}/answer")
def answer_request(ident: str, caller: Calls, body: AnswerBody, _: NoParameters) -> RequestItem:
    """Grants a request, which gives the OPV to the broker asked for, or refuses it."""

    def do(visit: Visit) -> Done:
        return answer(visit.tx, visit.house, visit.viewer, caller.desk.clock(), ident, body.grant, body.reason)

    return committed(caller, do, _request)


@router.post("/people/{person}/portfolio")
def move_portfolio(person: str, caller: Calls, body: PortfolioBody, _: NoParameters) -> PortfolioItem:
    """Gives the open OPVs of a person, also of one who has left, to another or to whoever the rules find: 1,000 at
    most, and says how many are left. Called again, it goes on."""
    move, moved = Move(person, body.broker, body.reason, body.by), 0
    with caller.reading() as visit:
        portfolio.check(visit.tx, visit.house, visit.viewer, move)
    for _unit in range(UNITS_OF_A_CALL):
        more = _move(caller, move)
        moved += more
        if not more:
            break
    with caller.reading() as visit:
        return PortfolioItem(person=person, moved=moved, left=portfolio.left(visit.tx, visit.house, visit.viewer, move))


def _move(caller: Caller, move: Move) -> int:
    with caller.acting() as visit:
        made = portfolio.move_some(visit.tx, visit.house, visit.viewer, caller.desk.clock(), move)
    for step in sorted(made.woken):
        caller.desk.wake(step)
    return made.opvs


def _request(visit: Visit, done: Done) -> RequestItem:
    if done.request is None:
        raise TypeError("nothing was asked for")
    return requests.one(visit.tx, visit.house, visit.viewer, done.request)

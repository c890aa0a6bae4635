"""What people do to OPVs. Who sees an OPV may act on it; rules and refusals are those of `opv.actions`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response
from sqlalchemy import true

from db.queries import opvs
from opv.actions import Acting, comment, contact, reopen, win, withdraw
from opv.actions import change_stage as move_or_set
from opv.by_people import Done, act, register
from opv.conversion import requests
from opv.conversion.parts import give
from opv.distribution.acceptance import accept, refuse
from opv.undo import undo_move
from schemas.conversion import RequestItem
from schemas.errors import Reject
from schemas.opv import Opv
from schemas.opv_actions import (
    AcceptanceBody,
    CommentBody,
    ContactBody,
    RegistrationBody,
    StageBody,
    TransferBody,
    WithdrawalBody,
    WonSaleBody,
)
from schemas.page import Parameters
from web.api.auth import Caller, Calls, Visit

router = APIRouter(prefix="/opvs", tags=["opvs"])

Shown = TypeVar("Shown")

NoParameters = Annotated[Parameters, Query()]

_ASKED: dict[int | str, dict[str, Any]] = {
    202: {"model": RequestItem, "description": "Another broker serves the client: the OPV was asked for"}
}


@router.post("", status_code=201, responses=_ASKED)
def register_opv(caller: Calls, body: RegistrationBody, _: NoParameters, response: Response) -> Opv | RequestItem:
    """Registers a lead by hand: the client's open OPV gets a card more, or there is a new OPV. When another broker
    serves the client, it is refused, or asked for, as `registration` in the configuration says."""

    def do(visit: Visit) -> Done:
        return register(visit.tx, visit.house, visit.viewer, caller.desk.clock(), body.lead(), body.broker)

    found = committed(caller, do, _registered)
    response.status_code = 202 if isinstance(found, RequestItem) else 201
    return found


@router.post("/{ident}/comments", status_code=201)
def add_comment(ident: str, caller: Calls, body: CommentBody, _: NoParameters) -> Opv:
    """Writes a comment into the history."""
    return _act(caller, ident, lambda at: comment(at, body.text))


@router.post("/{ident}/contacts", status_code=201)
def add_contact(ident: str, caller: Calls, body: ContactBody, _: NoParameters) -> Opv:
    """Notes a call, message or visit, now, earlier or (a visit) to come; the first one is the first response."""
    said = body.model_dump(exclude={"kind", "at"})
    return _act(caller, ident, lambda at: contact(at, body.kind, when=body.at, **said))


@router.post("/{ident}/stage")
def change_stage(ident: str, caller: Calls, body: StageBody, _: NoParameters) -> Opv:
    """Moves the OPV into another stage, as the funnel's rules allow, or gives it another status within its stage."""
    return _act(caller, ident, lambda at: move_or_set(at, body.stage, body.status))


@router.post("/{ident}/stage/undo")
def undo_stage(ident: str, caller: Calls, _: NoParameters) -> Opv:
    """Takes back the caller's last move, within a minute of it."""
    return _act(caller, ident, undo_move)


@router.post("/{ident}/assignment")
def change_assignment(ident: str, caller: Calls, body: TransferBody, _: NoParameters) -> Opv:
    """Gives a part of the OPV (sales, pre-sales, the second broker it is shared with) to somebody else. Brokers may
    not, but share their own OPVs with brokers of their manager."""
    to = body.model_dump(include={"broker", "team", "manager"})
    return _act(caller, ident, lambda at: give(at, body.part, body.reason, **to))


@router.post("/{ident}/acceptance")
def answer_acceptance(ident: str, caller: Calls, body: AcceptanceBody, _: NoParameters) -> Opv:
    """Accepts an OPV that the caller was given to accept in time, or refuses it: then it returns at once."""
    deed = accept if body.accept else partial(refuse, reason=body.reason)
    return _done(caller, lambda v: act(v.tx, v.house, v.viewer, caller.desk.clock(), ident, deed, accepts=False))


@router.post("/{ident}/withdrawal")
def withdraw_opv(ident: str, caller: Calls, body: WithdrawalBody, _: NoParameters) -> Opv:
    """Closes the OPV as lost."""
    return _act(caller, ident, lambda at: withdraw(at, body.reason, body.remarks, sub_reason=body.sub_reason))


@router.post("/{ident}/reopening")
def reopen_opv(ident: str, caller: Calls, _: NoParameters) -> Opv:
    """Opens a withdrawn OPV again."""
    return _act(caller, ident, reopen)


@router.post("/{ident}/won-sale", responses={202: {"model": Opv, "description": "The sales module is asked"}})
def win_opv(ident: str, caller: Calls, body: WonSaleBody, response: Response, _: NoParameters) -> Opv:
    """Closes the OPV as sold; or, where sales go through documentation, asks the sales module for a process (202):
    the OPV stays as it is, and `GET …/won-sale` tells what came of it."""
    item = _act(caller, ident, lambda at: win(at, body.value, body.unit, body.date))
    if item.status == "open":
        response.status_code = 202
    return item


def _act(caller: Caller, ident: str, deed: Callable[[Acting], object]) -> Opv:
    return _done(caller, lambda v: act(v.tx, v.house, v.viewer, caller.desk.clock(), ident, deed))


def _done(caller: Caller, do: Callable[[Visit], Done]) -> Opv:
    return committed(caller, do, shown_opv)


def committed(caller: Caller, do: Callable[[Visit], Done], show: Callable[[Visit, Done], Shown]) -> Shown:
    """What `show` reads after the deed, committed, and the steps woken that it made work for."""
    with caller.acting() as visit:
        done = do(visit)
        item = show(visit, done)
    for step in sorted(done.woken):
        caller.desk.wake(step)
    return item


def shown_opv(visit: Visit, done: Done) -> Opv:
    """The OPV that was acted on."""
    item = opvs.one(visit.tx, true(), str(done.opv))
    visit.note_reads([done.opv], "opv")
    if item is None:
        raise Reject("unknown_opv", "no such OPV", 404)
    return item


def _registered(visit: Visit, done: Done) -> Opv | RequestItem:
    if done.request is None:
        return shown_opv(visit, done)
    return requests.one(visit.tx, visit.house, visit.viewer, done.request)

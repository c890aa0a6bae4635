"""The answer to a request for an OPV. Two who answer at once are told apart under the OPV's lock: one wins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.ids import new_id
from db.models import Opportunity, Outcome, TransferRequest
from db.queries.transfer_requests import words
from db.session import AnyRow
from opv import history
from opv.access import Viewer, leads, over, sees
from opv.actions import TRANSFER_RULE, Acting, place_named
from opv.batch import Opv
from opv.by_people import Done, acting, lock, settle_list
from opv.capture import MANUAL, capture_onto
from opv.conversion import invalid
from opv.conversion.portfolio import redistribute
from opv.distribution.assign import NOWHERE, assign
from opv.house import House
from opv.normalize import normalize
from opv.submissions import Submitted
from opv.typed import lead_of
from schemas.errors import Reject


def answer(
    tx: Connection, house: House, viewer: Viewer, now: datetime, ident: str, grant: bool, reason: str | None
) -> Done:
    """Grants or refuses the request of this id. Granting gives the OPV to the broker asked for (without one, to
    whoever the rules find) in the same unit of work; what was typed for an ownership becomes a card of the OPV. A lead
    that is confirmed to be none closes the OPV.

    Who may: those over the OPV refuse; they grant when they lead the broker asked for as well.
    Raises `Reject`: `unknown_request` (404), `not_allowed`, `already_answered`, `request_void`, `unknown_broker`."""
    asked = _asked(tx, ident)
    typed = words(tx, asked.opportunity_id, asked.seq).get("typed") if grant else None

    def answered() -> Acting:
        at = acting(tx, house, viewer, now, _lock(tx, house, viewer, asked))
        _decide(at, viewer, asked, grant, reason)
        return at

    if typed is None:
        at = answered()
        at.batch.write(tx)
    else:
        id_ = new_id()
        card = Submitted(
            id_, id_, 0, None, asked.at, 0, MANUAL, None, None, Outcome.CAPTURED,
            lead=normalize(lead_of(typed)), by=asked.asked_by, typed=typed,
        )  # fmt: skip
        at = capture_onto(tx, card, now, answered)
    settle_list(at)
    return Done(asked.opportunity_id, at.batch.woken, asked.id)


def _asked(tx: Connection, ident: str) -> AnyRow:
    try:
        id_ = UUID(ident)
    except ValueError:
        raise _unknown() from None
    row = tx.execute(select(*TransferRequest.__table__.columns).where(TransferRequest.id == id_)).one_or_none()
    if row is None:
        raise _unknown()
    return row


def _lock(tx: Connection, house: House, viewer: Viewer, asked: AnyRow) -> Opv:
    """The OPV asked for. What a person neither sees nor asked for does not exist for it."""
    opv = lock(tx, Opportunity.id == asked.opportunity_id)
    if opv is None or not (sees(viewer, house, opv) or asked.asked_by == viewer.person):
        raise _unknown()
    if not over(viewer, house, opv):
        raise Reject("not_allowed", "managers of the OPV and directors answer, others not", 403)
    return opv


def _decide(at: Acting, viewer: Viewer, asked: AnyRow, grant: bool, reason: str | None) -> None:
    """Answers under the OPV's lock, without which no request changes."""
    state = at.tx.execute(select(TransferRequest.state).where(TransferRequest.id == asked.id)).scalar_one()
    if state == "void":
        raise Reject("request_void", "the OPV was closed or given away meanwhile", 409)
    if state != "open":
        raise Reject("already_answered", f"the request was {state} already", 409)
    house, opv, broker = at.batch.house, at.opv, asked.broker
    place = place_named(house.roster, broker, None, None) if grant and broker is not None else NOWHERE
    if grant and broker is not None and not leads(viewer, house, place.manager, broker):
        raise Reject("not_allowed", "managers give to those they lead, directors to all", 403)
    said = {"reason": reason} if reason else None
    if asked.kind == invalid.KIND:
        seq = invalid.answer_invalid(at, asked, grant, reason)
    else:
        data = {"request": str(asked.id), "of": asked.kind, "granted": grant}
        seq = at.batch.record(opv, history.TRANSFER_ANSWERED, at.cause, data, said)
    columns = {"state": "granted" if grant else "refused", "answered_by": viewer.person, "answered_at": at.batch.now}
    at.tx.execute(update(TransferRequest).where(TransferRequest.id == asked.id).values(answer_seq=seq, **columns))
    if not grant or asked.kind == invalid.KIND:
        return
    at.off_list = True
    if broker is None:
        redistribute(at)
        return
    explanation = {"by": at.cause.actor, "previous": opv.broker, "request": str(asked.id)}
    assign(at.batch, opv, at.cause, place, broker, rule=TRANSFER_RULE, explanation=explanation, content=said)


def _unknown() -> Reject:
    return Reject("unknown_request", "no such request", 404)

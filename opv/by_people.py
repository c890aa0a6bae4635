"""People act on OPVs: under the OPV's lock, on what they see, with the rules of `opv.actions`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, select, true

from db.ids import new_id
from db.models import Base, DistributionWork, Opportunity, Outcome
from db.queries.opvs import identified
from opv.access import Viewer, leads, sees, visible
from opv.actions import Acting
from opv.batch import OPV_COLUMNS, Batch, Cause, Opv
from opv.capture import MANUAL, capture
from opv.clients.typed import typed_document
from opv.conversion.asking import ask_ownership
from opv.distribution.acceptance import accept_by_act
from opv.distribution.waiting import put_on_list, relist
from opv.house import House
from opv.normalize import normalize
from opv.submissions import Submitted
from opv.typed import typed_of
from schemas.errors import Reject
from schemas.lead import Lead

_OPPORTUNITIES = Base.metadata.tables["opportunities"]
_WORK = Base.metadata.tables["distribution_work"]


@dataclass(frozen=True, slots=True)
class Done:
    """The OPV acted on, and the steps to wake after the commit. `request`: that was filed or answered; whom it is told
    need not see the OPV."""

    opv: UUID
    woken: set[str]
    request: UUID | None = None


class AlreadyServed(Reject):
    """Another broker serves the client's open OPV."""

    def __init__(self, opv: UUID, sentence: str) -> None:
        super().__init__("already_served", sentence, 409)
        self.opv = opv


def act(
    tx: Connection,
    house: House,
    viewer: Viewer,
    now: datetime,
    ident: str,
    deed: Callable[[Acting], object],
    *,
    accepts: bool = True,
) -> Done:
    """Does the deed to the OPV of this id or number and writes it. A broker who is yet to accept the OPV accepts it by
    acting on it, unless the deed is the answer itself (`accepts`).

    Raises `Reject`: `unknown_opv` (404) for one that the person does not see, and what the deed refuses with."""
    at = acting(tx, house, viewer, now, _lock(tx, viewer, house, ident))
    if accepts:
        accept_by_act(at)
    deed(at)
    at.batch.write(tx)
    settle_list(at)
    return Done(at.opv.id, at.batch.woken)


def acting(tx: Connection, house: House, viewer: Viewer, now: datetime, opv: Opv) -> Acting:
    """A person at work on an OPV that is locked, in a batch of its own."""
    batch = Batch(house, now)
    batch.opvs[opv.id] = opv
    return Acting(tx, batch, opv, Cause(f"person:{viewer.person}"), viewer)


def settle_list(at: Acting) -> None:
    """Takes the OPV off the list of those that wait for a broker, or puts it there, as the deed said."""
    if at.off_list:
        at.tx.execute(delete(DistributionWork).where(DistributionWork.opportunity_id == at.opv.id))
    elif at.relisted is not None:
        relist(at.tx, at.batch, at.opv.id, at.relisted)
    put_on_list(at.tx, at.batch, at.waiting)


def register(tx: Connection, house: House, viewer: Viewer, now: datetime, lead: Lead, broker: str | None) -> Done:
    """Registers a lead by hand, as any other is captured: for a broker who then serves it (brokers: themselves), or to
    be distributed. When another broker serves the client, and the configuration says so, the OPV is asked for instead:
    then the outcome has a `request`. What is written must be rolled back when it is refused.

    Raises `Reject`: `not_allowed`, `unknown_broker`, `no_contact`, `document_invalid`, `unknown_development`,
    `already_served`, `already_waiting`, `request_open`."""
    broker = _broker_for(viewer, house, broker)
    typed = typed_of(lead)
    known = normalize(lead)
    if not known.has_contact:
        raise Reject("no_contact", "a lead has a phone or an e-mail that can be reached", 422)
    if lead.document:
        typed_document(lead.document)
    if lead.development and house.catalog.by_name(lead.development) is None:
        raise Reject("unknown_development", f"there is no development {lead.development}", 422)
    id_ = new_id()
    submission = Submitted(
        id_, id_, 0, None, now, 0, MANUAL, None, None, Outcome.CAPTURED,
        lead=known, by=viewer.person, broker=broker, typed=typed,
    )  # fmt: skip
    batch = Batch(house, now)
    asks = house.configuration.registration.served == "request"
    try:
        with tx.begin_nested() if asks else nullcontext():  # a request leaves nothing of what was matched
            (opv,) = capture(
                tx, batch, [submission], lambda own: _refuse_served(own, known.development, viewer, house, broker)
            )
    except AlreadyServed as served:
        if not asks:
            raise
        if broker is None:
            sentence = "another broker serves the client's open OPV: name the broker who is to have it, to ask for it"
            raise AlreadyServed(served.opv, sentence) from None
        return _ask_for(tx, house, viewer, now, served.opv, broker, typed)
    return Done(opv.id, batch.woken)


def _ask_for(
    tx: Connection, house: House, viewer: Viewer, now: datetime, id_: UUID, broker: str, typed: dict[str, Any]
) -> Done:
    """Files the request for the OPV, which was not locked since it was found."""
    opv = lock(tx, Opportunity.id == id_)
    if opv is None or opv.status != "open" or opv.broker in (None, broker):
        raise Reject("changed_meanwhile", "the client's OPV changed hands just now: register again", 409)
    at, request = acting(tx, house, viewer, now, opv), new_id()
    ask_ownership(at, request, viewer.person, broker, typed)
    at.batch.write(tx)
    return Done(opv.id, at.batch.woken, request)


def lock(tx: Connection, one: ColumnElement[bool], seen: ColumnElement[bool] | None = None) -> Opv | None:
    """The OPV that the condition `one` holds for, locked; None unless `seen` holds once the lock is had. Its row on
    the distribution list is locked first, as distribution does."""
    found = select(Opportunity.id).where(one).scalar_subquery()
    listed = tx.execute(select(*_WORK.c).where(_WORK.c.opportunity_id == found).with_for_update()).one_or_none()
    statement = select(*(_OPPORTUNITIES.c[name] for name in OPV_COLUMNS)).where(one, true() if seen is None else seen)
    row = tx.execute(statement.with_for_update(key_share=True)).one_or_none()
    if row is None:
        return None
    opv = Opv(*row)
    opv.listed = listed
    return opv


def _lock(tx: Connection, viewer: Viewer, house: House, ident: str) -> Opv:
    condition = identified(ident)
    opv = None if condition is None else lock(tx, condition, visible(viewer, house))
    if opv is None:
        raise _unknown()
    return opv


def _broker_for(viewer: Viewer, house: House, broker: str | None) -> str | None:
    if viewer.role == "ops":
        raise Reject("not_allowed", "operations do not register OPVs", 403)
    if viewer.role == "broker":
        if broker not in (None, viewer.person):
            raise Reject("not_allowed", "a broker registers OPVs of its own", 403)
        return viewer.person
    if broker is None:
        return None
    if not house.roster.is_active(broker) or house.roster.people[broker].role != "broker":
        raise Reject("unknown_broker", f"there is no active broker {broker}", 422)
    if not leads(viewer, house, house.roster.place(broker).manager, broker):
        raise Reject("not_allowed", "a manager registers OPVs for the brokers it leads", 403)
    return broker


def _refuse_served(
    own: Sequence[Opv], development: str | None, viewer: Viewer, house: House, broker: str | None
) -> None:
    """Refuses a client whose open OPV is in other hands than those it is registered for."""
    for opv in _rivals(own, development, house):
        if broker is None and sees(viewer, house, opv):
            continue
        if opv.broker is not None and opv.broker == broker:
            continue
        if opv.broker is None or not house.roster.is_active(opv.broker):
            raise Reject("already_waiting", "the client's open OPV waits for a broker", 409)
        raise AlreadyServed(opv.id, "another broker serves the client's open OPV")


def _rivals(own: Sequence[Opv], development: str | None, house: House) -> Sequence[Opv]:
    found = house.catalog.by_name(development) if development else None
    key = found.key if found else None
    whole = house.configuration.returning.scope == "house"
    return [opv for opv in own if opv.status == "open" and (whole or opv.development == key)]


def _unknown() -> Reject:
    return Reject("unknown_opv", "no such OPV", 404)

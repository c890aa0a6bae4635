"""People act on OPVs: under the OPV's lock, on what they see, with the rules of `opv.actions`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, select

from db.ids import new_id
from db.models import Base, DistributionWork, Opportunity, Outcome
from db.queries.opvs import identified
from opv.access import Viewer, leads, sees, visible
from opv.actions import Acting
from opv.batch import OPV_COLUMNS, Batch, Cause, Opv
from opv.capture import MANUAL, capture
from opv.clients.typed import typed_document
from opv.distribution.waiting import put_on_list
from opv.house import House
from opv.normalize import normalize
from opv.submissions import Submitted
from schemas.errors import Reject
from schemas.lead import Lead

_OPPORTUNITIES = Base.metadata.tables["opportunities"]


@dataclass(frozen=True, slots=True)
class Done:
    """The OPV acted on, and the steps to wake after the commit."""

    opv: UUID
    woken: set[str]


def act(
    tx: Connection, house: House, viewer: Viewer, now: datetime, ident: str, deed: Callable[[Acting], object]
) -> Done:
    """Does the deed to the OPV of this id or number and writes it.

    Raises `Reject`: `unknown_opv` (404) for one that the person does not see, and what the deed refuses with."""
    batch = Batch(house, now)
    opv = _lock(tx, viewer, house, ident)
    batch.opvs[opv.id] = opv
    at = Acting(tx, batch, opv, Cause(f"person:{viewer.person}"), viewer)
    deed(at)
    batch.write(tx)
    if at.off_list:
        tx.execute(delete(DistributionWork).where(DistributionWork.opportunity_id == opv.id))
    put_on_list(tx, batch, at.waiting)
    return Done(opv.id, batch.woken)


def register(tx: Connection, house: House, viewer: Viewer, now: datetime, lead: Lead, broker: str | None) -> Done:
    """Registers a lead by hand, as any other is captured: for a broker who then serves it (brokers: themselves), or to
    be distributed. What is written must be rolled back when it is refused.

    Raises `Reject`: `not_allowed`, `unknown_broker`, `no_contact`, `document_invalid`, `unknown_development`,
    `already_served`, `already_waiting`."""
    broker = _broker_for(viewer, house, broker)
    known = normalize(lead)
    if not known.has_contact:
        raise Reject("no_contact", "a lead has a phone or an e-mail that can be reached", 422)
    if lead.document:
        typed_document(lead.document)
    if lead.development and house.catalog.by_name(lead.development) is None:
        raise Reject("unknown_development", f"there is no development {lead.development}", 422)
    id_ = new_id()
    typed = Submitted(
        id_, id_, 0, None, now, 0, MANUAL, None, None, Outcome.CAPTURED, lead=known, by=viewer.person, broker=broker
    )
    batch = Batch(house, now)
    (opv,) = capture(tx, batch, [typed], lambda own: _refuse_served(own, known.development, viewer, house, broker))
    return Done(opv.id, batch.woken)


def _lock(tx: Connection, viewer: Viewer, house: House, ident: str) -> Opv:
    """The OPV, locked, if the person sees it once the lock is had. Its row on the distribution list is locked first,
    as distribution does."""
    condition = identified(ident)
    if condition is None:
        raise _unknown()
    waits = DistributionWork.opportunity_id
    one = select(Opportunity.id).where(condition).scalar_subquery()
    tx.execute(select(waits).where(waits == one).with_for_update())
    statement = select(*(_OPPORTUNITIES.c[name] for name in OPV_COLUMNS)).where(condition, visible(viewer, house))
    row = tx.execute(statement.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise _unknown()
    return Opv(*row)


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
        raise Reject("already_served", "another broker serves the client's open OPV", 409)


def _rivals(own: Sequence[Opv], development: str | None, house: House) -> Sequence[Opv]:
    found = house.catalog.by_name(development) if development else None
    key = found.key if found else None
    whole = house.configuration.returning.scope == "house"
    return [opv for opv in own if opv.status == "open" and (whole or opv.development == key)]


def _unknown() -> Reject:
    return Reject("unknown_opv", "no such OPV", 404)

"""Accepting and claiming by a link: what it shows before, and what it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from db.models import Assignment, DistributionWork, Opportunity
from db.queries import reads
from opv.access import Viewer, viewer_of
from opv.actions import Acting
from opv.by_people import act
from opv.clients.involved import involved_of
from opv.distribution.acceptance import accept
from opv.distribution.claims import claim
from opv.distribution.waiting import ACCEPTING, OFFERED, POOL
from opv.house import House
from opv.links import Deed, Link, read_link
from schemas.errors import Reject

READ = "link"
"""What is noted as read by whom a link showed the client."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a link leads to: the OPV's number and development (its name). `client` (the first name) and `phone` (E.164)
    are told once the OPV is the person's; `woken` are the steps to wake then."""

    number: int
    development: str | None
    client: str | None = None
    phone: str | None = None
    woken: frozenset[str] = frozenset()


def look(tx: Connection, house: House, deed: Deed, token: str, now: datetime) -> Shown:
    """What the link offers to do. Changes nothing: programs look at links before people do.

    Raises `Reject`: `link_wrong`, `link_expired`, `link_used`."""
    link, _ = _read(house, deed, token, now)
    o, w = Opportunity, DistributionWork
    statement = select(o.number, o.development, w.state, w.broker, w.due_at).outerjoin(w, w.opportunity_id == o.id)
    row = tx.execute(statement.where(o.id == link.opv)).one_or_none()
    awaited = (ACCEPTING,) if deed == "accept" else (OFFERED, POOL)
    if row is None or row.state not in awaited or (row.due_at is not None and row.due_at <= now):
        raise _used()
    if deed == "accept" and (row.broker != link.person or given_by(tx, link.opv) != link.occasion):
        raise _used()
    return Shown(row.number, _name(house, row.development))


def follow(tx: Connection, house: House, deed: Deed, token: str, now: datetime) -> Shown:
    """Does what the link is for, in its person's name, and shows the client; that is noted as a read.

    Raises `Reject`: `link_wrong`, `link_expired`, `link_used`, and what accepting or claiming refuses with."""
    link, viewer = _read(house, deed, token, now)
    if deed == "claim":
        done = claim(tx, house, viewer, now, str(link.opv))
    else:
        done = act(tx, house, viewer, now, str(link.opv), lambda at: _accept(at, link), accepts=False)
    reads.note(tx, link.person, [(link.opv, READ)], now)
    opv = tx.execute(select(Opportunity.number, Opportunity.development).where(Opportunity.id == link.opv)).one()
    main = next((one for one in involved_of(tx, link.opv) if one.main), None)
    name, phones = (main.details.social_name or main.name, main.phones) if main else (None, ())
    client, phone = (name.split()[0] if name else None), next(iter(phones), None)
    return Shown(opv.number, _name(house, opv.development), client, phone, frozenset(done.woken))


def _accept(at: Acting, link: Link) -> int:
    """An older link does not accept what came to the same person anew."""
    if given_by(at.tx, link.opv) != link.occasion:
        raise _used()
    return accept(at)


def given_by(tx: Connection, opv: UUID) -> str | None:
    """The decision behind the OPV's assignment."""
    a = Assignment
    statement = select(a.decision_id).where(a.opportunity_id == opv, a.part == "sales").order_by(a.id.desc()).limit(1)
    found = tx.execute(statement).scalar()
    return None if found is None else str(found)


def _read(house: House, deed: Deed, token: str, now: datetime) -> tuple[Link, Viewer]:
    link = read_link(house, deed, token, now)
    viewer = viewer_of(link.person, house)
    if viewer is None:
        raise Reject("link_wrong", "the link's person is no longer active", 404)
    return link, viewer


def _name(house: House, development: str | None) -> str | None:
    found = house.catalog.developments.get(development or "")
    return found.name if found else None


def _used() -> Reject:
    return Reject("link_used", "the OPV is not there to be taken by this link any more", 409)

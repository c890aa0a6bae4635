"""Who is there: people say that they take leads, at a stand or anywhere, or pause."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select

from db.bulk import add_new, any_of, update_rows
from db.models import Availability, Base
from opv.access import Viewer, leads, may_operate
from opv.business_time import LOOK_AHEAD
from opv.distribution.nudge import nudge, rules_of
from opv.house import House
from schemas.availability import AvailabilityBody, AvailabilityItem
from schemas.errors import Reject

_AVAILABILITY = Base.metadata.tables["availability"]

ROLES = ("broker", "presales")
"""Whose availability counts: leads are given to no others."""


def say(
    tx: Connection, house: House, viewer: Viewer, now: datetime, person: str, body: AvailabilityBody
) -> tuple[AvailabilityItem, set[str]]:
    """Keeps what is said of the person, in place of what was said before; gives it, and the steps to wake after the
    commit: leads that wait for somebody are looked at again.

    Raises `Reject`: `unknown_person` (404), `not_allowed` (403), `until_past`, `unknown_stand` (422), and
    `not_on_roster` (409) when the stand does not call for the broker now."""
    _check(house, viewer, person)
    if body.until is not None and body.until <= now:
        raise Reject("until_past", "`until` is a time to come", 422)
    until = body.until
    if body.stand is not None:
        ends = _duty_ends(house, body.stand, person, now)
        until = min(until or ends, ends)
    item = AvailabilityItem(person=person, state=body.state, stand=body.stand, since=now, until=until, by=viewer.person)
    row = item.model_dump()
    add_new(tx, _AVAILABILITY, [row], ("person",))
    update_rows(tx, _AVAILABILITY, ("person",), [row])
    return item, _woken(tx, house, person, now)


def take_back(tx: Connection, house: House, viewer: Viewer, now: datetime, person: str) -> set[str]:
    """Forgets what was said; gives the steps to wake. Raises as `say` does."""
    _check(house, viewer, person)
    tx.execute(delete(Availability).where(Availability.person == person))
    return _woken(tx, house, person, now)


def listed(tx: Connection, house: House, viewer: Viewer, now: datetime) -> list[AvailabilityItem]:
    """The people who get leads and whom the viewer may know of, in the order of the file."""
    everybody = [key for key in house.roster.people if _takes_leads(house, key) and _may(viewer, house, key)]
    return _read(tx, everybody, now)


def one(tx: Connection, house: House, viewer: Viewer, now: datetime, person: str) -> AvailabilityItem:
    """What the person said. Raises `Reject`: `unknown_person`, `not_allowed`."""
    _check(house, viewer, person)
    return _read(tx, [person], now)[0]


def _read(tx: Connection, people: Collection[str], now: datetime) -> list[AvailabilityItem]:
    a = Availability
    rows = tx.execute(select(*a.__table__.columns).where(any_of(tx, a.person.expression, people)))
    said = {row.person: AvailabilityItem(**row._mapping) for row in rows if row.until is None or now < row.until}
    return [said.get(person) or AvailabilityItem(person=person) for person in people]


def _woken(tx: Connection, house: House, person: str, now: datetime) -> set[str]:
    return {"distribution"} if nudge(tx, rules_of(house, person), now) else set()


def _duty_ends(house: House, stand: str, person: str, now: datetime) -> datetime:
    """When the stand's roster no longer calls for the broker, who is on duty there now."""
    try:
        called, until = house.duty.on_stand(stand, now)
    except KeyError:
        raise Reject("unknown_stand", f"there is no stand {stand}", 422) from None
    if person not in called:
        raise Reject("not_on_roster", f"the roster of {stand} does not call for {person} now", 409)
    while person in called and until - now < LOOK_AHEAD:
        ends = until
        called, until = house.duty.on_stand(stand, ends)
    return ends


def _check(house: House, viewer: Viewer, person: str) -> None:
    if not _takes_leads(house, person):
        raise Reject("unknown_person", f"there is no active person {person} who gets leads", 404)
    if not _may(viewer, house, person):
        raise Reject("not_allowed", "people speak for themselves, managers for those they lead, directors for all", 403)


def _takes_leads(house: House, person: str) -> bool:
    return house.roster.is_active(person) and house.roster.has_role(person, *ROLES)


def _may(viewer: Viewer, house: House, person: str) -> bool:
    return viewer.person == person or may_operate(viewer) or leads(viewer, house, None, person)

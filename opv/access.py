"""Who sees what. Every read by people goes through here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, or_, true

from db.models import Opportunity
from opv.house import House


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who looks: its key and role in the configuration in force."""

    person: str
    role: str


def viewer_of(person: str, house: House) -> Viewer | None:
    """The person as a viewer, None when the configuration no longer has it or it is not active."""
    if not house.roster.is_active(person):
        return None
    return Viewer(person, house.roster.people[person].role)


def visible(viewer: Viewer, house: House) -> ColumnElement[bool]:
    """Condition on `opportunities`: those the viewer is linked to. A broker sees its own; a manager those of its
    assignments and of the brokers it leads at present; a director all."""
    if viewer.role == "director":
        return true()
    if viewer.role == "broker":
        return Opportunity.broker == viewer.person
    if viewer.role == "manager":
        led = [viewer.person, *house.roster.brokers_led_by(viewer.person)]
        return or_(Opportunity.manager == viewer.person, Opportunity.broker.in_(led))
    return false()


def sees(viewer: Viewer, house: House, manager: str | None, broker: str | None) -> bool:
    """As `visible`, for an OPV in memory: whether the viewer sees one of this manager and broker."""
    if viewer.role == "manager":
        return viewer.person in (manager, broker) or broker in house.roster.brokers_led_by(viewer.person)
    return viewer.role == "director" or (viewer.role == "broker" and broker == viewer.person)


def may_transfer(viewer: Viewer, house: House, manager: str | None, broker: str | None) -> bool:
    """Whether the viewer may give an OPV that it sees to this manager and broker: one it goes on seeing."""
    return viewer.role != "broker" and sees(viewer, house, manager, broker)


def may_operate(viewer: Viewer) -> bool:
    """Whether the viewer sees deliveries, work and the like, which belong to no single OPV."""
    return viewer.role in ("director", "ops")

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


def may_operate(viewer: Viewer) -> bool:
    """Whether the viewer sees deliveries, work and the like, which belong to no single OPV."""
    return viewer.role in ("director", "ops")

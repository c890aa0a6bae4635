"""Who sees what, and who may do what. Every read by people goes through here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, and_, false, or_, true

from db.models import Opportunity
from opv.house import House
from schemas.config import Stage

PRESALES = "presales"
"""Kind of the stages in which those of pre-sales see an OPV."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who looks: its key and role in the configuration in force."""

    person: str
    role: str


class Served(Protocol):
    """Who serves an OPV, and where it is."""

    @property
    def stage(self) -> str: ...
    @property
    def manager(self) -> str | None: ...
    @property
    def broker(self) -> str | None: ...
    @property
    def presales_manager(self) -> str | None: ...
    @property
    def presales_broker(self) -> str | None: ...
    @property
    def second_broker(self) -> str | None: ...


def viewer_of(person: str, house: House) -> Viewer | None:
    """The person as a viewer, None when the configuration no longer has it or it is not active."""
    if not house.roster.is_active(person):
        return None
    return Viewer(person, house.roster.people[person].role)


def sees_stage(role: str, house: House, stage: str) -> bool:
    """Whether the role sees OPVs in the stage, of those it is linked to. Directors do, and all do in stages that are
    not in the configuration any more."""
    return stage not in _unseen(role, house)


def may_move(role: str, stage: Stage) -> bool:
    """Whether the role moves OPVs into the stage and out of it."""
    return role == "director" or not stage.move or role in stage.move


def _unseen(role: str, house: House) -> list[str]:
    if role == "director":
        return []
    return [key for key, stage in house.stages.items() if stage.see and role not in stage.see]


def visible(viewer: Viewer, house: House) -> ColumnElement[bool]:
    """Condition on `opportunities`: those the viewer is linked to, in the stages that its role sees. A broker sees its
    own and those shared with it; who serves one in pre-sales sees it while it is in a stage of pre-sales; a manager
    those of its assignments and of the people it leads at present; a director all; operations none."""
    return _in_seen_stages(_linked_rows(viewer, house), viewer, house)


def sees(viewer: Viewer, house: House, opv: Served) -> bool:
    """As `visible`, for an OPV in memory."""
    return _linked(viewer, house, opv) and sees_stage(viewer.role, house, opv.stage)


def _in_seen_stages(condition: ColumnElement[bool], viewer: Viewer, house: House) -> ColumnElement[bool]:
    unseen = _unseen(viewer.role, house)
    return and_(condition, Opportunity.stage.not_in(unseen)) if unseen else condition


def _linked_rows(viewer: Viewer, house: House) -> ColumnElement[bool]:
    o = Opportunity
    if viewer.role == "director":
        return true()
    early = and_(o.presales_broker == viewer.person, o.stage.in_(house.presales_stages))
    if viewer.role == "broker":
        return or_(o.broker == viewer.person, o.second_broker == viewer.person, early)
    if viewer.role == PRESALES:
        return early
    if viewer.role == "manager":
        led = [viewer.person, *house.roster.brokers_led_by(viewer.person)]
        return or_(
            o.manager == viewer.person, o.presales_manager == viewer.person, o.broker.in_(led),
            o.second_broker.in_(led), o.presales_broker.in_(led),
        )  # fmt: skip
    return false()


def _linked(viewer: Viewer, house: House, opv: Served) -> bool:
    early = opv.presales_broker == viewer.person and opv.stage in house.presales_stages
    if viewer.role == "broker":
        return viewer.person in (opv.broker, opv.second_broker) or early
    if viewer.role == PRESALES:
        return early
    if viewer.role == "manager":
        served = (opv.broker, opv.second_broker, opv.presales_broker)
        own = viewer.person in (opv.manager, opv.presales_manager)
        return own or any(leads(viewer, house, None, broker) for broker in served)
    return viewer.role == "director"


def leads(viewer: Viewer, house: House, manager: str | None, broker: str | None) -> bool:
    """Whether the viewer is over this manager and broker: a director over all, a manager over itself and those it
    leads."""
    if viewer.role == "manager":
        return viewer.person in (manager, broker) or broker in house.roster.brokers_led_by(viewer.person)
    return viewer.role == "director"


def over(viewer: Viewer, house: House, opv: Served) -> bool:
    """Whether the viewer decides who serves the OPV: a director, and who manages or leads those who serve it in sales;
    while it has nobody there, those of pre-sales; in the stages that the viewer's role sees."""
    if not sees_stage(viewer.role, house, opv.stage):
        return False
    if opv.manager is None and opv.broker is None:
        return leads(viewer, house, opv.presales_manager, opv.presales_broker)
    return leads(viewer, house, opv.manager, opv.broker)


def decided_by(viewer: Viewer, house: House) -> ColumnElement[bool]:
    """As `over`, a condition on `opportunities`."""
    o = Opportunity
    if viewer.role == "director":
        return true()
    if viewer.role != "manager":
        return false()
    led = [viewer.person, *house.roster.brokers_led_by(viewer.person)]
    nobody = and_(o.manager.is_(None), o.broker.is_(None))
    early = or_(o.presales_manager == viewer.person, o.presales_broker.in_(led))
    decides = or_(o.manager == viewer.person, o.broker.in_(led), and_(nobody, early))
    return _in_seen_stages(decides, viewer, house)


def explained(viewer: Viewer, house: House) -> ColumnElement[bool]:
    """Condition on `opportunities`: those of which the viewer may see why they are with whom they are. Operations see
    that of all, masked."""
    return true() if may_operate(viewer) else visible(viewer, house)


def may_operate(viewer: Viewer) -> bool:
    """Whether the viewer sees deliveries, work and the like, which belong to no single OPV."""
    return viewer.role in ("director", "ops")


def oversees(viewer: Viewer) -> bool:
    """Whether the viewer may see who read an OPV that it sees, and export its history: managers and directors."""
    return viewer.role in ("manager", "director")


def sees_persons(viewer: Viewer) -> bool:
    """Whether the viewer may see personal data where it is allowed to look; operations see it masked."""
    return viewer.role != "ops"


def may_see_costs(viewer: Viewer) -> bool:
    """Whether the viewer may see what leads cost: directors, since a cost says something only beside all leads."""
    return viewer.role == "director"


def may_see_automations(viewer: Viewer) -> bool:
    """Whether the viewer may see how automations do: directors and operations, and managers, these of runs those on
    OPVs that they see."""
    return viewer.role in ("manager", "director", "ops")


def may_see_queues(viewer: Viewer) -> bool:
    """Whether the viewer may see what queues give to whom: managers of their own, directors and operations of all."""
    return viewer.role in ("manager", "director", "ops")


def may_see_shares(viewer: Viewer, house: House, brokers: Collection[str]) -> bool:
    """Whether the viewer may see how these brokers share a queue: a manager, when one of them is led by it."""
    return may_operate(viewer) or any(leads(viewer, house, None, broker) for broker in brokers)


def may_answer_for_persons(viewer: Viewer, house: House) -> bool:
    """Whether the viewer may export and erase what is held on a person: directors, and the officer of `legal`."""
    return viewer.role == "director" or viewer.person == house.configuration.legal.officer

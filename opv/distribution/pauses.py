"""Queues that give nothing until they are resumed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from db.bulk import add_new
from db.models import Base, PausedQueue
from opv.access import Viewer, may_operate
from opv.distribution.nudge import nudge, rules_with
from opv.house import House
from schemas.config import Queue
from schemas.errors import Reject
from schemas.operations import PauseItem

_PAUSED = Base.metadata.tables["paused_queues"]


def pause(tx: Connection, house: House, viewer: Viewer, now: datetime, key: str) -> PauseItem:
    """Pauses the queue; one that is paused stays so since then. Its OPVs wait, or go to the queues that a rule falls
    back to. Raises `Reject`: `unknown_queue` (404), `not_allowed` (403)."""
    _check(house, viewer, key)
    add_new(tx, _PAUSED, [{"queue": key, "at": now, "by": viewer.person}], ("queue",))
    row = tx.execute(select(*PausedQueue.__table__.columns).where(PausedQueue.queue == key)).one()
    return PauseItem(**row._mapping)


def resume(tx: Connection, house: House, viewer: Viewer, now: datetime, key: str) -> tuple[PauseItem, set[str]]:
    """Lets the queue give again; gives the steps to wake after the commit. Raises as `pause` does."""
    _check(house, viewer, key)
    was = tx.execute(delete(PausedQueue).where(PausedQueue.queue == key)).rowcount
    due = nudge(tx, rules_with(house, [key]), now) if was else 0
    return PauseItem(queue=key), {"distribution"} if due else set()


def _check(house: House, viewer: Viewer, key: str) -> None:
    queue = house.queues.get(key)
    if queue is None:
        raise Reject("unknown_queue", f"there is no queue {key}", 404)
    if not (may_operate(viewer) or _manages(viewer, house, queue)):
        raise Reject("not_allowed", "directors, operations and managers of its teams pause a queue, others not", 403)


def _manages(viewer: Viewer, house: House, queue: Queue) -> bool:
    """Whether the viewer manages one of the teams whose brokers the queue gives to."""
    if viewer.role != "manager":
        return False
    if queue.brokers:
        return not set(queue.brokers).isdisjoint(house.roster.brokers_led_by(viewer.person))
    teams = queue.teams or [team for one in house.catalog.developments.values() for team in one.teams]
    return any(place.manager == viewer.person and place.team in teams for place in house.roster.led())

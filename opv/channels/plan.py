"""Which chores there are, and how often each is done."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, case, or_, select, update

from db.bulk import add_new, any_of
from db.models import Base
from opv.channels.alarms import HOUSE
from opv.house import House
from opv.retention import kept_for
from schemas.config import Reconcile
from schemas.duration import Duration

_CHORES = Base.metadata.tables["chores"]

HOURS, HEALTH, RECONCILE, CHECK = "hours", "health", "reconcile", "check"
CHECKPOINT = "checkpoint"
RETENTION = "retention"
ARM = "arm"
RETIRED_STAGES = "retired-stages"

EVERY = {
    HOURS: timedelta(minutes=15), HEALTH: timedelta(minutes=1), CHECK: timedelta(hours=12),
    CHECKPOINT: timedelta(days=1), RETENTION: timedelta(days=1), ARM: timedelta(days=1),
    RETIRED_STAGES: timedelta(days=1),
}  # fmt: skip
JITTER = 0.05


def of_channel(kind: str, channel: str) -> str:
    """The key of a channel's chore, or of an automation's."""
    return f"{kind}:{channel}"


def begin(tx: Connection, key: str, channel: int, now: datetime) -> None:
    """Makes a chore unless it is there."""
    add_new(tx, _CHORES, [_row(key, channel, now)], ("key",))


def plan(tx: Connection, house: House, now: datetime, *, renewed: bool) -> None:
    """Makes the chores that the configuration asks for. One that came back begins anew; one that is to be done more
    often than it was comes due; under a `renewed` configuration those that failed do too, what platforms say is asked
    again, automations are looked at anew, and OPVs leave stages that are gone. Those that are being done are left
    alone. Three statements."""
    wanted = {HOURS: HOUSE, HEALTH: HOUSE, CHECKPOINT: HOUSE}
    if kept_for(house.configuration.retention):
        wanted[RETENTION] = HOUSE
    if house.moved:
        wanted[RETIRED_STAGES] = HOUSE
    wanted |= {of_channel(ARM, key): HOUSE for key in house.triggers.older}
    for entrance in house.entrances.values():
        if not entrance.retired:
            wanted[of_channel(CHECK, entrance.key)] = entrance.id
            if entrance.source.reads_back:
                wanted[of_channel(RECONCILE, entrance.key)] = entrance.id
    c = _CHORES.c
    there = {row.key: row for row in tx.execute(select(c.key, c.due_at, c.reason).where(c.lease.is_(None)))}
    add_new(tx, _CHORES, [_row(key, channel, now) for key, channel in sorted(wanted.items())], ("key",))
    due = []
    for key in sorted(there.keys() & wanted.keys()):
        at, usual = there[key].due_at, every(key, house)
        late = at is None or (usual is not None and at > now + usual * (1 + 2 * JITTER))
        if late or (renewed and (there[key].reason is not None or key.startswith((CHECK, ARM, RETIRED_STAGES)))):
            due.append(key)
    if due:
        values = {"due_at": now, "planned_at": case((c.due_at.is_(None), now), else_=c.planned_at)}
        where = (any_of(tx, c.key, due), c.lease.is_(None), or_(c.due_at.is_(None), c.due_at > now))
        tx.execute(update(_CHORES).where(*where).values(**values))


def every(key: str, house: House) -> timedelta | None:
    """How often a chore is done; None when the configuration does not ask for it (any more)."""
    kind, _, channel = key.partition(":")
    if kind == RETENTION and not kept_for(house.configuration.retention):
        return None
    if kind == RETIRED_STAGES and not house.moved:
        return None
    if kind == ARM and channel not in house.triggers.older:
        return None
    if not channel or kind == ARM:
        return EVERY[kind]
    entrance = house.entrance_by_key.get(channel)
    if entrance is None or entrance.retired:
        return None
    return Duration.parse(_reconcile(house, channel).every).span if kind == RECONCILE else EVERY[kind]


def window(channel: str, house: House) -> timedelta:
    """How far back the channel is reconciled."""
    return Duration.parse(_reconcile(house, channel).window).span


def _reconcile(house: House, channel: str) -> Reconcile:
    return next(one.reconcile for one in house.configuration.channels if one.key == channel)


def _row(key: str, channel: int, now: datetime) -> dict[str, object]:
    return {"key": key, "channel": channel, "planned_at": now, "due_at": now, "lease": None}

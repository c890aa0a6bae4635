"""Configuration versions, the channels ever configured, and the keys that were dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Table, delete, func, insert, or_, select, text, tuple_, update

from db.bulk import add_new, any_of
from db.models import AutomationState, ChannelRow, ConfigVersion, DistributionWork, Opportunity, RetiredKey
from db.queries.work import GIVEN_UP
from db.statement import Statement

_STATES = cast(Table, AutomationState.__table__)
_VERSIONS = cast(Table, ConfigVersion.__table__)
_CHANNELS = cast(Table, ChannelRow.__table__)
_RETIRED = cast(Table, RetiredKey.__table__)
_WORK = cast(Table, DistributionWork.__table__)

_NEWEST = Statement(lambda _: select(func.max(_VERSIONS.c.number).label("number")))

_LOCK = 7_065_174_320_019
"""Advisory lock of PostgreSQL while applying (an arbitrary constant)."""


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """A channel ever configured; `document` is its last configuration as JSON."""

    id: int
    key: str
    source: str
    document: str
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key of some kind (`person`, `team`, …) with the name people know it by."""

    kind: str
    key: str
    name: str


def lock(tx: Connection) -> None:
    """Lets one writer at a time change the configuration; what it reads next is what the one before committed.
    (SQLite has one writer in any case.)"""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def newest_number(tx: Connection) -> int:
    """Number of the version in force, 0 when nothing was applied yet."""
    found: int | None = _NEWEST.rows(tx)[0].number
    return found or 0


def document(tx: Connection, number: int) -> str:
    """A version's configuration as JSON."""
    found: str = tx.execute(select(_VERSIONS.c.document).where(_VERSIONS.c.number == number)).scalar_one()
    return found


def insert_version(tx: Connection, number: int, document: str, changes: str, *, at: datetime, by: str) -> None:
    """Keeps a version; from the commit on it is in force."""
    row = {"number": number, "document": document, "changes": changes, "applied_at": at, "applied_by": by}
    tx.execute(insert(_VERSIONS), row)


def channels(tx: Connection) -> list[StoredChannel]:
    """All channels ever configured, by number."""
    return [StoredChannel(*row) for row in tx.execute(select(_CHANNELS).order_by(_CHANNELS.c.id))]


def store_channels(tx: Connection, wanted: Sequence[tuple[str, str, str]], now: datetime) -> None:
    """Makes the channels be the wanted ones (key, source, document): new ones get the next numbers, known ones
    keep theirs, and those that are not wanted are retired."""
    stored = {channel.key: channel for channel in channels(tx)}
    number = max((channel.id for channel in stored.values()), default=0)
    for key, source, content in wanted:
        known = stored.pop(key, None)
        row = {"key": key, "source": source, "document": content, "retired_at": None}
        if known is None:
            number += 1
            tx.execute(insert(_CHANNELS), {"id": number, **row})
        elif known != StoredChannel(known.id, key, source, content):
            tx.execute(update(_CHANNELS).where(_CHANNELS.c.id == known.id).values(row))
    retired = [channel.id for channel in stored.values() if channel.retired_at is None]
    tx.execute(update(_CHANNELS).where(_CHANNELS.c.id.in_(retired)).values(retired_at=now))


def store_retired(tx: Connection, dropped: Sequence[NamedKey], present: Sequence[NamedKey], now: datetime) -> None:
    """Keeps the dropped keys with their names, and forgets of the present ones that they were dropped once."""
    known = {(kind, key) for kind, key in tx.execute(select(_RETIRED.c.kind, _RETIRED.c.key))}
    back = [(one.kind, one.key) for one in present if (one.kind, one.key) in known]
    if back:
        tx.execute(delete(_RETIRED).where(tuple_(_RETIRED.c.kind, _RETIRED.c.key).in_(back)))
    rows: list[dict[str, Any]] = [
        {"kind": one.kind, "key": one.key, "name": one.name, "retired_at": now}
        for one in dropped
        if (one.kind, one.key) not in known
    ]
    if rows:
        tx.execute(insert(_RETIRED), rows)


def open_opvs_in(tx: Connection, stages: Collection[str]) -> dict[str, int]:
    """How many open OPVs are in each of the stages; those without one are left out. Looks at all OPVs."""
    if not stages:
        return {}
    o = Opportunity
    where = (o.status == "open", o.stage.in_(sorted(stages)))
    rows = tx.execute(select(o.stage, func.count().label("open")).where(*where).group_by(o.stage).order_by(o.stage))
    return {row.stage: row.open for row in rows}


def activate_automations(tx: Connection, active: Collection[str], begun: Collection[str], now: datetime) -> None:
    """Keeps since when the automations are active: those that `begun` to be just now, now; the others as they are."""
    add_new(tx, _STATES, [{"key": key, "activated_at": now} for key in sorted(active)], ("key",))
    if begun:
        where = any_of(tx, _STATES.c.key, begun)
        tx.execute(update(_STATES).where(where).values(activated_at=now, failures=0))


def activated(tx: Connection) -> dict[str, datetime]:
    """Since when automations are active, by key."""
    return {row.key: row.activated_at for row in tx.execute(select(_STATES.c.key, _STATES.c.activated_at))}


def retry_undistributed(tx: Connection, version: int, now: datetime) -> int:
    """Makes the OPVs that an older configuration found no broker for due again, those too that are looked at again only
    later; returns how many. What is in a pool, on offer or in a worker's hands is left there."""
    c = _WORK.c
    again = or_(c.state == "waiting", c.reason.in_(GIVEN_UP))
    statement = update(_WORK).where(c.reason.is_not(None), c.config_version < version, c.lease.is_(None), again)
    return cast(CursorResult[Any], tx.execute(statement.values(due_at=now, attempts=0))).rowcount

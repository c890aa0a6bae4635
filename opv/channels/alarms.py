"""Alarms: raised once, told to the people configured, cleared when what they are about is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, literal, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from db.bulk import add_new, any_of
from db.ids import new_id
from db.models import Base
from opv.history import text_of
from opv.house import House

_ALARMS = Base.metadata.tables["alarms"]
_MESSAGES = Base.metadata.tables["outbound_messages"]

HOUSE = 0
"""The channel number of what is about the whole house."""

SILENCE, REFUSED, FETCH, TOKEN = "silence", "refused", "fetch_failing", "token"
UNDISTRIBUTED = "undistributed"
ONLY_BY_RECONCILIATION = "only_by_reconciliation"
TARGET = "target:"
"""Beginning of the kind of an alarm about a target, whose key follows."""
AUTOMATION, LOOP = "automation:", "loop:"
"""The same of alarms about an automation: it paused itself, or a loop of it was cut."""
SCHEDULE = "schedule:"
"""As `TARGET`, about a run of a scheduled automation that did not come to its end."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an alarm says: its kind, the channel's number and a sentence. No personal data."""

    kind: str
    channel: int
    detail: str


def paused_troubles(paused: Mapping[str, str]) -> list[Trouble]:
    """Automations that paused themselves, and why, by key."""
    return [
        Trouble(f"{AUTOMATION}{key}", HOUSE, f"automation {key} paused itself: {because}")
        for key, because in paused.items()
    ]


def cut_trouble(key: str, because: str) -> Trouble:
    """A loop that was cut at an automation; `because` names the chain."""
    return Trouble(f"{LOOP}{key}", HOUSE, f"automation {key} was cut, {because}")


def raise_alarms(
    tx: Connection, troubles: Sequence[Trouble], house: House, now: datetime, *, renew: bool = True
) -> bool:
    """Opens an alarm for each trouble that has none and queues a notice to each person configured; `renew`: the detail
    of one that is open is brought up to date. Whether notices were queued. Two statements at most; concurrent callers
    open one alarm."""
    if not troubles:
        return False
    rows = [
        {"id": new_id(), "kind": one.kind, "channel": one.channel, "detail": one.detail, "raised_at": now,
         "cleared_at": None}
        for one in sorted(troubles, key=lambda one: (one.kind, one.channel))
    ]  # fmt: skip
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(_ALARMS)
    upsert = insert.values(rows).on_conflict_do_update(
        index_elements=["kind", "channel"],
        index_where=text("cleared_at IS NULL"),
        set_={"detail": insert.excluded.detail},
        where=and_(_ALARMS.c.detail != insert.excluded.detail, literal(renew)),
    )
    written = set(tx.execute(upsert.returning(_ALARMS.c.id)).scalars())
    new = [row for row in rows if row["id"] in written]
    notices = [_notice(row, person, house, now) for row in new for person in recipients(house)]
    add_new(tx, _MESSAGES, notices, ("idempotency_key",))
    return bool(notices)


def open_alarms(tx: Connection) -> dict[tuple[str, int], UUID]:
    """Ids of the open alarms by kind and channel."""
    c = _ALARMS.c
    rows = tx.execute(select(c.kind, c.channel, c.id).where(c.cleared_at.is_(None)))
    return {(row.kind, row.channel): row.id for row in rows}


def clear_alarms(tx: Connection, ids: Collection[UUID], now: datetime) -> None:
    """Closes alarms."""
    if ids:
        where = (any_of(tx, _ALARMS.c.id, ids), _ALARMS.c.cleared_at.is_(None))
        tx.execute(update(_ALARMS).where(*where).values(cleared_at=now))


def recipients(house: House) -> list[str]:
    """Keys of the people who get alarms: those configured who are active, else the active directors and operators."""
    active = [person for person in house.roster.people.values() if person.active]
    chosen = [person.key for person in active if person.key in house.configuration.alarms.notify]
    return chosen or [person.key for person in active if person.role in ("director", "ops")]


def _notice(alarm: Mapping[str, object], person: str, house: House, now: datetime) -> dict[str, object]:
    entrance = house.entrances.get(int(str(alarm["channel"])))
    body = {"alarm": alarm["kind"], "channel": entrance.key if entrance else None, "detail": alarm["detail"]}
    return {
        "id": new_id(), "target": "log", "kind": "alarm", "recipient": person, "opportunity_id": None,
        "idempotency_key": f"alarm:{alarm['id']}:{person}", "body": text_of(body), "state": "pending", "reason": None,
        "created_at": now, "sent_at": None, "due_at": now, "lease": None, "attempts": 0, "failures": 0,
    }  # fmt: skip

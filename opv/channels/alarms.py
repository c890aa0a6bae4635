"""Alarms: raised once, told to the people configured, cleared when what they are about is over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from db.bulk import add_new, insert_rows
from db.ids import new_id
from db.models import Base
from opv.history import text_of
from opv.house import House

_ALARMS = Base.metadata.tables["alarms"]
_MESSAGES = Base.metadata.tables["outbound_messages"]

HOUSE = 0
"""The channel number of an alarm about the whole house."""


def raise_alarm(tx: Connection, kind: str, channel: int, detail: str, house: House, now: datetime) -> bool:
    """Opens an alarm and queues a notice to each person configured; False when it is open already (its detail is
    brought up to date)."""
    c = _ALARMS.c
    open_ = (c.kind == kind, c.channel == channel, c.cleared_at.is_(None))
    if tx.execute(update(_ALARMS).where(*open_).values(detail=detail)).rowcount:
        return False
    id_ = new_id()
    insert_rows(
        tx, _ALARMS,
        [{"id": id_, "kind": kind, "channel": channel, "detail": detail, "raised_at": now, "cleared_at": None}],
    )  # fmt: skip
    entrance = house.entrances.get(channel)
    body = {"alarm": kind, "channel": entrance.key if entrance else None, "detail": detail}
    messages = [
        {
            "id": new_id(), "target": "log", "kind": "alarm", "recipient": person, "opportunity_id": None,
            "idempotency_key": f"alarm:{id_}:{person}", "body": text_of(body), "state": "pending", "reason": None,
            "created_at": now, "sent_at": None, "due_at": now, "lease": None, "attempts": 0, "failures": 0,
        }
        for person in recipients(house)
    ]  # fmt: skip
    add_new(tx, _MESSAGES, messages, ("idempotency_key",))
    return True


def clear_alarm(tx: Connection, kind: str, channel: int, now: datetime) -> bool:
    """Closes an open alarm; whether there was one."""
    c = _ALARMS.c
    statement = update(_ALARMS).where(c.kind == kind, c.channel == channel, c.cleared_at.is_(None))
    return tx.execute(statement.values(cleared_at=now)).rowcount > 0


def open_alarms(tx: Connection) -> list[tuple[str, int]]:
    """Kind and channel of each open alarm."""
    c = _ALARMS.c
    return [(row.kind, row.channel) for row in tx.execute(select(c.kind, c.channel).where(c.cleared_at.is_(None)))]


def recipients(house: House) -> list[str]:
    """Keys of the people who get alarms: those configured, else the directors and operators."""
    people = house.roster.people
    configured = house.configuration.alarms.notify
    chosen = configured or [p.key for p in people.values() if p.role in ("director", "ops")]
    return [key for key in chosen if house.roster.is_active(key)]

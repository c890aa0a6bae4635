"""Channels with what came through them, and what was refused at their door."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from db.models import ChannelHour, ChannelRefusal, ChannelRow, Delivery, DeliveryOutcome
from db.queries.importing import NO_SECRET
from db.queries.paging import ids_since
from db.queries.upkeep import health
from schemas.operations import ChannelItem, Refusals

DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)
_LOOK_BACK = timedelta(days=30)
"""How far a last delivery is looked for before hours were counted: deliveries have no index by channel, which intake
would pay for with every insert."""


class Counted(NamedTuple):
    """Deliveries of a channel with one outcome, and when the last came."""

    channel: int
    outcome: str
    number: int
    last_at: datetime


class RefusedRow(NamedTuple):
    """Refused requests of a channel for one reason."""

    channel: int
    reason: str
    number: int
    last_at: datetime


def channels(tx: Connection, now: datetime) -> list[ChannelItem]:
    """Every channel ever configured, by key."""
    rows = tx.execute(select(*ChannelRow.__table__.columns).order_by(ChannelRow.key)).all()
    counted: dict[int, list[Counted]] = {}
    for one in outcomes(tx, now - DAY):
        counted.setdefault(one.channel, []).append(one)
    refused: dict[int, list[RefusedRow]] = {}
    for refusal in refusals(tx):
        refused.setdefault(refusal.channel, []).append(refusal)
    last, well = last_deliveries(tx, now), health(tx, now)
    return [
        ChannelItem(
            key=row.key,
            source=row.source,
            retired=row.retired_at is not None,
            last_delivery_at=max((one.last_at for one in counted.get(row.id, ())), default=last.get(row.id)),
            deliveries_24h=sum(one.number for one in counted.get(row.id, ())),
            outcomes_24h={one.outcome: one.number for one in counted.get(row.id, ())},
            refusals=_summary(refused.get(row.id, [])),
            health=well[row.id],
        )
        for row in rows
    ]


def outcomes(tx: Connection, since: datetime) -> list[Counted]:
    """Deliveries received since a moment, by channel and outcome."""
    statement = (
        select(Delivery.channel, Delivery.outcome, func.count(), func.max(Delivery.received_at))
        .where(Delivery.id >= ids_since(since), Delivery.received_at >= since)
        .group_by(Delivery.channel, Delivery.outcome)
    )
    rows = tx.execute(statement).all()
    return [Counted(row[0], DeliveryOutcome(row[1]).outcome.value, row[2], row[3]) for row in rows]


def refusals(tx: Connection) -> list[RefusedRow]:
    """Refused requests by channel and reason."""
    return [RefusedRow(*row) for row in tx.execute(select(*ChannelRefusal.__table__.columns))]


def keys(tx: Connection) -> dict[int, str]:
    """Channel keys by number."""
    return {row[0]: row[1] for row in tx.execute(select(ChannelRow.id, ChannelRow.key))}


def last_deliveries(tx: Connection, now: datetime) -> dict[int, datetime]:
    """When the last delivery of each channel came from its sender, in the past four weeks. Hours that were counted
    are not looked at again; the newest of them is, since deliveries may be committed after later ones."""
    found: dict[int, datetime] = {}
    since = now - _LOOK_BACK
    counted = select(ChannelHour.channel, func.max(ChannelHour.last_at), func.max(ChannelHour.hour))
    for channel, last_at, hour in tx.execute(counted.group_by(ChannelHour.channel)):
        found[channel] = last_at
        since = max(since, hour - HOUR)
    statement = (
        select(Delivery.channel, func.max(Delivery.received_at))
        .where(Delivery.id >= ids_since(since), Delivery.secret > NO_SECRET)
        .group_by(Delivery.channel)
    )
    for channel, last_at in tx.execute(statement):
        found[channel] = max(last_at, found.get(channel, last_at))
    return found


def _summary(rows: list[RefusedRow]) -> Refusals:
    last = max(rows, key=lambda row: row.last_at, default=None)
    return Refusals(
        total=sum(row.number for row in rows),
        last_at=last and last.last_at,
        last_reason=last and last.reason,
        by_reason={row.reason: row.number for row in rows},
    )

"""What was received and what was sent on of it, channel by channel, a day at a time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, func, select

from db.models import ChannelRow, Delivery, OutboundMessage
from db.queries.paging import ids_since
from schemas.operations import ForwardingItem

KIND = "forward"
_SLACK = timedelta(minutes=10)
"""How far an id may be ahead of the time written beside it."""


def forwarding(tx: Connection, day: date, zone: ZoneInfo, channels: Collection[str]) -> list[ForwardingItem]:
    """The day's counts of `channels`, and of any other that sent something on. Imported and pulled leads are no
    requests of a sender: they are not counted."""
    begin = datetime.combine(day, time.min, zone)
    end = datetime.combine(day + timedelta(days=1), time.min, zone)
    d, m = Delivery, OutboundMessage
    statement = (
        select(ChannelRow.key, m.state, m.reason, func.count().label("number"))
        .join_from(Delivery, ChannelRow, ChannelRow.id == d.channel)
        .outerjoin(m, and_(m.id == d.id, m.kind == KIND))
        .where(d.id >= ids_since(begin), d.id < ids_since(end + _SLACK), d.received_at >= begin, d.received_at < end)
        .where(d.secret >= 0)
        .group_by(ChannelRow.key, m.state, m.reason)
    )
    rows = tx.execute(statement).all()
    listed = {*channels, *(row.key for row in rows if row.state is not None)}
    found = {key: _nothing(key, day) for key in sorted(listed)}
    for row in rows:
        if (item := found.get(row.key)) is None:
            continue
        item.received += row.number
        if row.state is None:
            item.unsent += row.number
        elif row.state == "sent":
            item.forwarded += row.number
        elif row.state == "pending":
            item.waiting += row.number
        else:
            item.parked += row.number
            reason = row.reason or ""
            item.parked_by_reason[reason] = item.parked_by_reason.get(reason, 0) + row.number
    return list(found.values())


def _nothing(channel: str, day: date) -> ForwardingItem:
    return ForwardingItem(
        channel=channel, day=day, received=0, forwarded=0, waiting=0, parked=0, parked_by_reason={}, unsent=0
    )

"""Deliveries per channel and hour, and what is usual: the same hour of the same weekday over the past four weeks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from db.bulk import insert_rows
from db.models import Base
from db.queries.paging import ids_since

_DELIVERIES = Base.metadata.tables["deliveries"]
_HOURS = Base.metadata.tables["channel_hours"]

HOUR = timedelta(hours=1)
WEEKS = 4
COUNTED_AGAIN = 3
"""Hours that each count looks back: deliveries may be committed after later ones."""


def hour_of(moment: datetime) -> datetime:
    """The hour that a moment is in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def count_hours(tx: Connection, now: datetime, since: datetime | None) -> None:
    """Counts the hours that ended, those of `since` (four weeks at most) and the last few again."""
    until = hour_of(now)
    oldest = until - timedelta(weeks=WEEKS)
    begin = max(oldest, min(hour_of(since or oldest), until) - COUNTED_AGAIN * HOUR)
    d = _DELIVERIES.c
    rows = tx.execute(
        select(d.channel, d.received_at).where(d.id >= ids_since(begin), d.received_at >= begin, d.received_at < until)
    )
    counts = Counter((row.channel, hour_of(row.received_at)) for row in rows)
    tx.execute(delete(_HOURS).where(_HOURS.c.hour >= begin))
    tx.execute(delete(_HOURS).where(_HOURS.c.hour < oldest))
    insert_rows(tx, _HOURS, [{"channel": c, "hour": hour, "deliveries": n} for (c, hour), n in sorted(counts.items())])


def usual(tx: Connection, now: datetime) -> Mapping[int, Mapping[datetime, float]]:
    """By channel, the usual number of deliveries of each of the last 168 hours: the mean of the same hour one, two,
    three and four weeks before, as far as the channel was there."""
    begin = hour_of(now) - timedelta(weeks=1)
    past: dict[int, Counter[datetime]] = defaultdict(Counter)
    first: dict[int, datetime] = {}
    for row in tx.execute(select(_HOURS.c.channel, _HOURS.c.hour, _HOURS.c.deliveries)):
        past[row.channel][row.hour] = row.deliveries
        first[row.channel] = min(row.hour, first.get(row.channel, row.hour))
    found: dict[int, dict[datetime, float]] = {}
    for channel, counts in past.items():
        found[channel] = {}
        for back in range(168):
            hour = begin + timedelta(weeks=1) - back * HOUR
            weeks = [w for w in range(1, WEEKS + 1) if hour - timedelta(weeks=w) >= first[channel]]
            if weeks:
                found[channel][hour] = sum(counts[hour - timedelta(weeks=w)] for w in weeks) / len(weeks)
    return found


def last_deliveries(tx: Connection, now: datetime) -> dict[int, datetime]:
    """The last delivery of each channel in the past four weeks; exact for the last hours, else to the hour."""
    d = _DELIVERIES.c
    begin = hour_of(now) - COUNTED_AGAIN * HOUR
    found = {
        row.channel: row.hour + HOUR
        for row in tx.execute(
            select(_HOURS.c.channel, func.max(_HOURS.c.hour).label("hour"))
            .where(_HOURS.c.deliveries > 0)
            .group_by(_HOURS.c.channel)
        )
    }
    recent = select(d.channel, func.max(d.received_at).label("at")).where(d.id >= ids_since(begin)).group_by(d.channel)
    return found | {row.channel: row.at for row in tx.execute(recent)}

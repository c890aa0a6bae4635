"""Deliveries per channel and hour, and what is usual: the same hours of the same weekday over the past four weeks. What
reconciliation and imports brought does not count: it says nothing of how the sender does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_low

from sqlalchemy import Connection, Text, cast, delete, func, select

from db.bulk import any_of, insert_rows
from db.models import Base
from db.queries.importing import NO_SECRET
from db.queries.paging import ids_since
from db.session import AnyRow, Database

_DELIVERIES = Base.metadata.tables["deliveries"]
_HOURS = Base.metadata.tables["channel_hours"]

HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
WEEKS = 4
COUNTED_AGAIN = 2
"""Hours that each count looks back: deliveries may be committed after later ones."""
KNOWN_WEEKS = 2
"""Weeks of a channel before anything is called usual."""


def hour_of(moment: datetime) -> datetime:
    """The hour that a moment is in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def count_hours(database: Database, now: datetime, since: datetime | None) -> None:
    """Counts the hours that ended, those of `since` (four weeks at most) and the last few again. The counting itself
    is a reading unit of work: on SQLite a long writing one would keep intake waiting."""
    until = hour_of(now)
    oldest = until - WEEKS * WEEK - HOUR
    begin = max(oldest, min(hour_of(since or oldest), until) - COUNTED_AGAIN * HOUR)
    with database.read() as tx:
        counted = _counted(tx, begin, until)
    with database.write() as tx:
        tx.execute(delete(_HOURS).where((_HOURS.c.hour >= begin) | (_HOURS.c.hour < oldest)))
        rows = [
            {"channel": row.channel, "hour": _hour(row.hour), "deliveries": row.deliveries, "last_at": row.last_at}
            for row in counted
        ]
        insert_rows(tx, _HOURS, rows)


@dataclass(frozen=True, slots=True)
class Past:
    """A channel's counts by hour, and its first hour."""

    counts: Mapping[datetime, int]
    first: datetime

    def missed(self, last: datetime, now: datetime) -> int:
        """Deliveries that are usual in the full hours between the last one and now: of the totals of these hours one
        to four weeks ago, as far as the channel was there, the one in the middle (the lower of two), so that one busy
        week does not make the next one look silent."""
        hours = []
        hour = max(hour_of(last) + HOUR, hour_of(now) - WEEK)
        while hour < hour_of(now):
            hours.append(hour)
            hour += HOUR
        weeks = [w for w in range(1, WEEKS + 1) if hours and hours[0] - w * WEEK >= self.first]
        if len(weeks) < KNOWN_WEEKS:
            return 0
        return median_low(sum(self.counts.get(hour - w * WEEK, 0) for hour in hours) for w in weeks)


def past_of(tx: Connection, channels: Collection[int]) -> Mapping[int, Past]:
    """What was counted of these channels."""
    if not channels:
        return {}
    c = _HOURS.c
    counts: dict[int, Counter[datetime]] = {channel: Counter() for channel in channels}
    for row in tx.execute(select(c.channel, c.hour, c.deliveries).where(any_of(tx, c.channel, channels))):
        counts[row.channel][row.hour] = row.deliveries
    return {channel: Past(found, min(found)) for channel, found in counts.items() if found}


def _counted(tx: Connection, begin: datetime, until: datetime) -> list[AnyRow]:
    d = _DELIVERIES.c
    # The text of a time begins the same in both databases (sessions are in UTC): `2026-09-21 12`.
    hour = func.substr(cast(d.received_at, Text), 1, 13).label("hour")
    statement = (
        select(d.channel, hour, func.count().label("deliveries"), func.max(d.received_at).label("last_at"))
        .where(d.id >= ids_since(begin), d.received_at >= begin, d.received_at < until, d.secret > NO_SECRET)
        .group_by(d.channel, hour)
        .order_by(d.channel, hour)
    )
    return list(tx.execute(statement))


def _hour(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=UTC)

"""Whether the channels are well: silence, refusals, leads that cannot be fetched. Raises and clears the alarms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from db.models import Base, SubmissionState
from opv.channels.alarms import clear_alarm, open_alarms, raise_alarm
from opv.channels.hours import hour_of, last_deliveries, usual
from opv.house import House

_REFUSALS = Base.metadata.tables["channel_refusals"]
_SUBMISSIONS = Base.metadata.tables["submissions"]

SILENCE, REFUSED, FETCH, TOKEN = "silence", "refused", "fetch_failing", "token"

QUIET_LEADS = 5.0
"""A channel is silent when it missed so many deliveries that are usual."""

FAILING = 3
"""Leads whose fetch failed at least this often, each, before it counts."""

TOKEN_REASONS = ("token_expired", "permission_missing")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an alarm says."""

    kind: str
    channel: int
    detail: str


def look(tx: Connection, house: House, now: datetime) -> list[Trouble]:
    """Every trouble of the active channels, as of now."""
    active = {number: entrance.key for number, entrance in house.entrances.items() if not entrance.retired}
    last = last_deliveries(tx, now)
    return [*_silences(tx, active, last, now), *_refusals(tx, active, last, now), *_fetches(tx, active)]


def keep_alarms(tx: Connection, house: House, now: datetime) -> None:
    """Raises the alarms of the troubles there are, clears those that are over."""
    found = {(one.kind, one.channel): one for one in look(tx, house, now)}
    for one in found.values():
        raise_alarm(tx, one.kind, one.channel, one.detail, house, now)
    for kind, channel in open_alarms(tx):
        if kind in (SILENCE, REFUSED, FETCH, TOKEN) and (kind, channel) not in found:
            clear_alarm(tx, kind, channel, now)


def missed(expected: Mapping[datetime, float], last: datetime | None, now: datetime) -> float:
    """Usual deliveries of the full hours since the last one."""
    return sum(n for hour, n in expected.items() if (last is None or hour >= last) and hour < hour_of(now))


def _silences(tx: Connection, active: Mapping[int, str], last: Mapping[int, datetime], now: datetime) -> list[Trouble]:
    found = []
    for channel, expected in usual(tx, now).items():
        if channel in active and (count := missed(expected, last.get(channel), now)) >= QUIET_LEADS:
            at = last.get(channel)
            since = f"since {at:%Y-%m-%d %H:%M} UTC" if at else "for a week"
            detail = f"{active[channel]} is silent {since}: about {count:.0f} deliveries are usual in that time"
            found.append(Trouble(SILENCE, channel, detail))
    return found


def _refusals(tx: Connection, active: Mapping[int, str], last: Mapping[int, datetime], now: datetime) -> list[Trouble]:
    """Requests are refused and none has been accepted since: most often a wrong secret."""
    of: dict[int, list[Any]] = defaultdict(list)
    for row in tx.execute(select(*_REFUSALS.c)):
        of[row.channel].append(row)
    found = []
    for channel, rows in of.items():
        newest = max(rows, key=lambda row: row.last_at)
        recent = newest.last_at > now - timedelta(days=1)
        if channel in active and recent and (channel not in last or newest.last_at > last[channel]):
            detail = f"{active[channel]} refuses what is sent ({newest.reason}), and has accepted nothing since"
            found.append(Trouble(REFUSED, channel, detail))
    return found


def _fetches(tx: Connection, active: Mapping[int, str]) -> list[Trouble]:
    c = _SUBMISSIONS.c
    waiting = (
        select(c.channel, c.reason, func.count().label("leads"), func.max(c.failures).label("failures"))
        .where(c.state == SubmissionState.FETCH.value, c.failures > 0)
        .group_by(c.channel, c.reason)
    )
    found = {}
    for row in tx.execute(waiting):
        if row.channel not in active:
            continue
        token = row.reason in TOKEN_REASONS
        if token or row.failures >= FAILING:
            detail = f"{row.leads} leads of {active[row.channel]} cannot be fetched ({row.reason})"
            one = Trouble(TOKEN if token else FETCH, row.channel, detail)
            found[one.kind, one.channel] = one
    return list(found.values())

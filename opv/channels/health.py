"""Whether the channels are well: silence, refusals, leads that cannot be fetched, what the platform says; whether OPVs
are without a broker for too long, and targets take nothing. All of it is read from rows, in a fixed number of
statements; raises and clears the alarms."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select

from db.models import Base, Outcome, SubmissionState
from db.queries.automations import cut_since, paused_by_themselves
from db.queries.channels import last_deliveries
from db.queries.paging import ids_since
from db.queries.undistributed import counts
from opv.channels.alarms import (
    AUTOMATION,
    FETCH,
    HOUSE,
    LOOP,
    REFUSED,
    SILENCE,
    TARGET,
    TOKEN,
    UNDISTRIBUTED,
    Trouble,
    clear_alarms,
    cut_trouble,
    open_alarms,
    paused_troubles,
    raise_alarms,
)
from opv.channels.hours import HOUR, hour_of, past_of
from opv.house import House
from schemas.duration import Duration
from schemas.operations import UndistributedFilters
from schemas.source import Checked

_CHORES = Base.metadata.tables["chores"]
_DESTINATIONS = Base.metadata.tables["destinations"]
_REFUSALS = Base.metadata.tables["channel_refusals"]
_SUBMISSIONS = Base.metadata.tables["submissions"]

OWN = (SILENCE, REFUSED, FETCH, TOKEN, UNDISTRIBUTED)
"""Kinds of alarms that follow from the rows, and are cleared when these say so."""

OWN_BY_KEY = (TARGET, AUTOMATION, LOOP)
"""The same, of kinds that a key follows."""

QUIET_LEADS = 5
"""A channel is silent when it missed so many deliveries that are usual."""

FAILING = 5
"""Tries in vain, of one lead or of reading leads back, before it counts: about ten minutes."""

REFUSALS = 3
"""Refused requests since the last accepted one before it counts. A wrong secret counts at once: strangers who try
addresses have none."""

TARGET_OPEN = timedelta(minutes=5)
"""How long a target may be left alone, because it does not answer, before it counts."""

LOOP_OPEN = timedelta(days=1)
"""How long a loop that was cut counts."""

LOOKED_BACK = timedelta(days=7)
"""How long leads that were parked for want of a token keep the alarm open."""

EXPIRES_SOON = timedelta(days=7)

TOKEN_REASONS = ("token_expired", "permission_missing")
UNALARMING = ("not_configured", "deliveries_waiting")
"""Reasons for which reconciliation does nothing, and the platform has no part in it."""


@dataclass(slots=True)
class Look:
    """What was found. `refused`: by channel, the requests refused in all when the last delivery was accepted."""

    troubles: dict[tuple[str, int], Trouble] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)

    def add(self, kind: str, channel: int, detail: str) -> None:
        """Adds a trouble; a second one of the kind is added to its sentence."""
        before = self.troubles.get((kind, channel))
        words = f"{before.detail}; {detail}" if before else detail
        self.troubles[kind, channel] = Trouble(kind, channel, words)


def keep_alarms(tx: Connection, house: House, now: datetime, refused: Mapping[int, int]) -> tuple[dict[int, int], bool]:
    """Raises the alarms of the troubles there are, clears those that are over. `refused` is what the last look gave;
    gives that of this one, and whether notices were queued."""
    before = open_alarms(tx)  # first, so that one which is raised meanwhile elsewhere is not cleared
    found = look(tx, house, now, refused)
    told = raise_alarms(tx, list(found.troubles.values()), house, now)
    active = {number for number, entrance in house.entrances.items() if not entrance.retired} | {HOUSE}
    over = [
        id_
        for (kind, channel), id_ in before.items()
        if channel not in active
        or ((kind in OWN or kind.startswith(OWN_BY_KEY)) and (kind, channel) not in found.troubles)
    ]
    clear_alarms(tx, over, now)
    return found.refused, told


def look(tx: Connection, house: House, now: datetime, refused: Mapping[int, int]) -> Look:
    """Every trouble of the active channels and of the house, as of now."""
    active = {number: entrance.key for number, entrance in house.entrances.items() if not entrance.retired}
    last = last_deliveries(tx, now)
    found = Look()
    _silences(tx, found, active, last, now)
    _refusals(tx, found, active, last, now, refused)
    _fetches(tx, found, active, now)
    _chores(tx, found, active, now)
    _undistributed(tx, found, house, now)
    _targets(tx, found, house, now)
    _automations(tx, found, house, now)
    return found


def _silences(
    tx: Connection, found: Look, active: Mapping[int, str], last: Mapping[int, datetime], now: datetime
) -> None:
    """A channel that never spoke is not silent: only those with a last delivery are looked at, and only when it is
    older than a full hour."""
    quiet = {channel: at for channel, at in last.items() if channel in active and at < hour_of(now) - HOUR}
    for channel, past in past_of(tx, quiet).items():
        if (count := past.missed(quiet[channel], now)) >= QUIET_LEADS:
            since = f"{quiet[channel]:%Y-%m-%d %H:%M} UTC"
            detail = f"{active[channel]} is silent since {since}: about {count} deliveries are usual in that time"
            found.add(SILENCE, channel, detail)


def _refusals(
    tx: Connection,
    found: Look,
    active: Mapping[int, str],
    last: Mapping[int, datetime],
    now: datetime,
    refused: Mapping[int, int],
) -> None:
    """Requests are refused and none has been accepted since: most often a wrong secret."""
    of: dict[int, list[Any]] = defaultdict(list)
    for row in tx.execute(select(*_REFUSALS.c)):
        of[row.channel].append(row)
    for channel, rows in of.items():
        newest = max(rows, key=lambda row: row.last_at)
        total = sum(row._mapping["count"] for row in rows)
        if channel in last and last[channel] >= newest.last_at:
            found.refused[channel] = total
            continue
        found.refused[channel] = refused.get(channel, 0)
        times = total - found.refused[channel]
        wrong = newest.reason.startswith(("wrong_", "signature_"))
        if channel in active and newest.last_at > now - timedelta(days=1) and (wrong or times >= REFUSALS):
            detail = f"{active[channel]} refused the last {times} requests ({newest.reason}): is the secret right?"
            found.add(REFUSED, channel, detail)


def _fetches(tx: Connection, found: Look, active: Mapping[int, str], now: datetime) -> None:
    """Leads that the platform does not give: those that wait for the next try, and those parked for want of a token."""
    c = _SUBMISSIONS.c
    figures = (func.count().label("leads"), func.max(c.failures).label("failures"))
    waiting = select(c.channel, c.reason, *figures).where(c.state == SubmissionState.FETCH.value, c.failures > 0)
    parked = select(c.channel, c.reason, *figures).where(
        c.outcome == Outcome.PARKED.value, c.id >= ids_since(now - LOOKED_BACK), c.reason.in_(TOKEN_REASONS)
    )
    leads: Counter[tuple[str, int]] = Counter()
    reasons: dict[tuple[str, int], set[str]] = defaultdict(set)
    for statement in (waiting, parked):
        for row in tx.execute(statement.group_by(c.channel, c.reason)):
            kind = TOKEN if row.reason in TOKEN_REASONS else FETCH
            if row.channel in active and (kind == TOKEN or row.failures >= FAILING):
                leads[kind, row.channel] += row.leads
                reasons[kind, row.channel].add(row.reason)
    for (kind, channel), count in leads.items():
        why = ", ".join(sorted(reasons[kind, channel]))
        found.add(kind, channel, f"{count} leads of {active[channel]} cannot be fetched ({why})")


def _chores(tx: Connection, found: Look, active: Mapping[int, str], now: datetime) -> None:
    """What the platform said of the channel when it was asked, and leads that it does not give back."""
    c = _CHORES.c
    asked = or_(c.key.like("check:%"), c.failures > 0)
    for row in tx.execute(select(c.key, c.channel, c.reason, c.failures, c.state).where(asked).order_by(c.key)):
        if row.channel not in active:
            continue
        kind, key = row.key.partition(":")[0], active[row.channel]
        if row.reason in TOKEN_REASONS:
            found.add(TOKEN, row.channel, f"{key} cannot ask the platform ({row.reason})")
        elif kind == "reconcile" and row.failures >= FAILING and row.reason not in UNALARMING:
            found.add(FETCH, row.channel, f"leads of {key} cannot be read back ({row.reason})")
        if kind == "check":
            for words in _said(json.loads(row.state).get("checked", []), now):
                found.add(TOKEN, row.channel, f"{key}: {words}")


def _undistributed(tx: Connection, found: Look, house: House, now: datetime) -> None:
    """OPVs that nobody serves for longer than the house allows."""
    after = house.configuration.alarms.undistributed_after
    if after is None:
        return
    waits = counts(tx, UndistributedFilters(), until=now - Duration.parse(after).span)
    if waits.total:
        why = ", ".join(f"{reason} {count}" for reason, count in sorted(waits.by_reason.items()))
        found.add(UNDISTRIBUTED, HOUSE, f"{waits.total} OPVs have had no broker for more than {after} ({why})")


def _targets(tx: Connection, found: Look, house: House, now: datetime) -> None:
    """Targets of the configuration whose breaker is open for too long."""
    c = _DESTINATIONS.c
    statement = select(c.key, c.opened_at, c.reason).where(c.opened_at <= now - TARGET_OPEN).order_by(c.key)
    for row in tx.execute(statement):
        if row.key in house.targets:
            since = f"{row.opened_at:%Y-%m-%d %H:%M} UTC"
            detail = f"target {row.key} has not taken anything since {since} ({row.reason}): its messages wait"
            found.add(f"{TARGET}{row.key}", HOUSE, detail)


def _automations(tx: Connection, found: Look, house: House, now: datetime) -> None:
    """Active automations that paused themselves, and those of which a loop was cut in the last day."""
    paused, cut = paused_by_themselves(tx), cut_since(tx, now - LOOP_OPEN)
    troubles = [*paused_troubles(paused), *(cut_trouble(key, because) for key, because in cut.items())]
    for one in troubles:
        if one.kind.partition(":")[2] in house.automations:
            found.troubles[one.kind, one.channel] = one


def kept(checked: Sequence[Checked]) -> str:
    """What a platform said, as the chore that asked keeps it."""
    said = [asdict(one) | {"until": one.until.isoformat() if one.until else None} for one in checked]
    return json.dumps({"checked": said})


def _said(checked: list[dict[str, Any]], now: datetime) -> list[str]:
    """What is not well, or soon will not be."""
    words = []
    for one in checked:
        until = datetime.fromisoformat(one["until"]) if one["until"] else None
        if not one["ok"]:
            words.append(one["detail"])
        elif until is not None and until - now < EXPIRES_SOON:
            words.append(f"{one['detail']} (until {until:%Y-%m-%d %H:%M} UTC)")
    return words

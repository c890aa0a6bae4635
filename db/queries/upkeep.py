"""What upkeep found: alarms, and how each channel does. A fixed number of statements, whatever the channels."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

from db.models import Alarm, ChannelHour, ChannelRow, Chore, Delivery, Reconciliation, Submission, SubmissionState
from db.queries.importing import NO_SECRET
from db.queries.paging import cut, decode, encode, ids_since
from schemas.operations import AlarmItem, ChannelHealth, OpenAlarm, ReconciliationItem, TokenItem
from schemas.page import Page, Paging

HOUR = timedelta(hours=1)
WEEKS = 4
_LAST_MONTH = timedelta(days=31)

STATES = (("token", "token"), ("fetch_failing", "fetch_failing"), ("refused", "refused"), ("silence", "silent"))
"""Kinds of alarms that make a channel's state, the gravest first."""


def alarms(tx: Connection, paging: Paging) -> Page[AlarmItem]:
    """Alarms, those that are open first, then the newest first."""
    is_open = Alarm.cleared_at.is_(None)
    statement = (
        select(Alarm.id, Alarm.kind, ChannelRow.key.label("channel"), Alarm.detail, Alarm.raised_at, Alarm.cleared_at)
        .outerjoin(ChannelRow, ChannelRow.id == Alarm.channel)
        .order_by(is_open.desc(), Alarm.id.desc())
    )
    if paging.cursor is not None:
        was_open, id_ = decode(paging.cursor, bool, UUID)
        older: ColumnElement[bool] = Alarm.id < id_
        statement = statement.where(or_(~is_open, and_(is_open, older)) if was_open else and_(~is_open, older))
    rows, next_ = cut(
        list(tx.execute(statement.limit(paging.limit + 1))),
        paging,
        lambda row: encode(int(row.cleared_at is None), str(row.id)),
    )
    return Page(items=[AlarmItem(**row._mapping) for row in rows], next=next_)


def open_by_kind(tx: Connection) -> dict[str, int]:
    """How many alarms are open, by kind."""
    statement = select(Alarm.kind, func.count()).where(Alarm.cleared_at.is_(None)).group_by(Alarm.kind)
    return {row[0]: row[1] for row in tx.execute(statement)}


def found_by_reconciliation(tx: Connection) -> dict[int, int]:
    """Leads that only reconciliation brought, ever, by channel number."""
    statement = select(Reconciliation.channel, func.sum(Reconciliation.found)).group_by(Reconciliation.channel)
    return {row[0]: int(row[1]) for row in tx.execute(statement)}


class Failing(NamedTuple):
    """Leads of a channel whose fetch failed and will be tried again, and the most tries in a row that failed."""

    leads: int
    failures: int


def failing_fetches(tx: Connection) -> dict[int, Failing]:
    """By channel number, those that have any."""
    waiting = (Submission.state == SubmissionState.FETCH.value, Submission.failures > 0)
    statement = select(Submission.channel, func.count(), func.max(Submission.failures)).where(*waiting)
    return {row[0]: Failing(row[1], row[2]) for row in tx.execute(statement.group_by(Submission.channel))}


def health(tx: Connection, now: datetime) -> Mapping[int, ChannelHealth]:
    """How each channel does, by number; one that nothing is known of is well."""
    open_alarms: dict[int, list[OpenAlarm]] = defaultdict(list)
    listed = select(Alarm.channel, Alarm.kind, Alarm.detail, Alarm.raised_at).where(Alarm.cleared_at.is_(None))
    for row in tx.execute(listed.order_by(Alarm.id)):
        open_alarms[row.channel].append(OpenAlarm(kind=row.kind, detail=row.detail, raised_at=row.raised_at))
    recent, usual, failing = _last_hour(tx, now), _usual(tx, now), failing_fetches(tx)
    chores = {row.key: row for row in tx.execute(select(Chore.key, Chore.channel, Chore.reason, Chore.state))}
    checks = {row.channel: row for key, row in chores.items() if key.startswith("check:")}
    reasons = {row.channel: row.reason for key, row in chores.items() if key.startswith("reconcile:")}
    last = _reconciliations(tx, now)
    return {
        channel: ChannelHealth(
            state=next((state for kind, state in STATES if any(a.kind == kind for a in open_alarms[channel])), "ok"),
            usual_per_hour=usual.get(channel),
            last_hour=recent.get(channel, 0),
            consecutive_failures=failing[channel].failures if channel in failing else 0,
            token=_token(checks[channel].state, open_alarms[channel]) if channel in checks else None,
            reconciliation=_reconciliation(last.get(channel), reasons.get(channel)),
            alarms=open_alarms[channel],
        )
        for channel in tx.execute(select(ChannelRow.id)).scalars()
    }


def _last_hour(tx: Connection, now: datetime) -> dict[int, int]:
    since = now - HOUR
    statement = select(Delivery.channel, func.count()).where(
        Delivery.id >= ids_since(since), Delivery.received_at >= since, Delivery.secret > NO_SECRET
    )
    return {row[0]: row[1] for row in tx.execute(statement.group_by(Delivery.channel))}


def _usual(tx: Connection, now: datetime) -> dict[int, float]:
    """The mean of the hour that most of the last sixty minutes lie in, one to four weeks ago, as far as the channel was
    there."""
    hour = (now - HOUR / 2).replace(minute=0, second=0, microsecond=0)
    same = ChannelHour.hour.in_([hour - timedelta(weeks=week) for week in range(1, WEEKS + 1)])
    statement = select(
        ChannelHour.channel, func.min(ChannelHour.hour), func.sum(ChannelHour.deliveries).filter(same)
    ).group_by(ChannelHour.channel)
    found = {}
    for channel, first, total in tx.execute(statement):
        weeks = min(WEEKS, (hour - first) // timedelta(weeks=1))
        if weeks:
            found[channel] = round(int(total or 0) / weeks, 2)
    return found


def _token(state: str, alarms: list[OpenAlarm]) -> TokenItem | None:
    """Of a channel whose platform can be asked."""
    checked = json.loads(state).get("checked") or []
    if not checked:
        return None
    until = min((datetime.fromisoformat(one["until"]) for one in checked if one["until"]), default=None)
    well = all(one["ok"] for one in checked) and not any(alarm.kind == "token" for alarm in alarms)
    return TokenItem(ok=well, until=until)


def _reconciliations(tx: Connection, now: datetime) -> dict[int, ReconciliationItem]:
    """The last one of each channel."""
    newest = (
        select(Reconciliation.channel, func.max(Reconciliation.started_at))
        .where(Reconciliation.id >= ids_since(now - _LAST_MONTH))
        .group_by(Reconciliation.channel)
    )
    one = Reconciliation
    statement = select(one.channel, one.started_at, one.finished_at, one.seen, one.found, one.reason).where(
        one.id >= ids_since(now - _LAST_MONTH), tuple_(one.channel, one.started_at).in_(newest)
    )
    return {
        row.channel: ReconciliationItem(
            at=row.finished_at or row.started_at, seen=row.seen, found=row.found, reason=row.reason
        )
        for row in tx.execute(statement)
    }


def _reconciliation(last: ReconciliationItem | None, reason: str | None) -> ReconciliationItem | None:
    """The last pull, with the reason why the next one, by the clock, does not succeed."""
    if last is None:
        return ReconciliationItem(at=None, seen=0, found=0, reason=reason) if reason else None
    return last.model_copy(update={"reason": reason or last.reason})

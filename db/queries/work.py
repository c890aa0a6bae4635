"""Each step's work list in figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from db.models import (
    AutomationRun,
    Chore,
    Decision,
    Delivery,
    DistributionWork,
    Opportunity,
    OutboundMessage,
    Outcome,
    PendingEvent,
    Schedule,
    Submission,
    SubmissionState,
    Timer,
)
from db.queries.opvs import WAITING, undistributed
from db.queries.paging import ids_since
from schemas.operations import StepWork

GIVEN_UP = ("worker_killed", "bug")
"""Reasons under which a step parks a row that it could not work."""

_MINUTE = timedelta(minutes=1)
_LONGEST_LEASE = timedelta(minutes=15)


def work(tx: Connection, now: datetime) -> Sequence[StepWork]:
    """The steps in the order of the pipeline. A fixed number of statements, each over a work list's own index."""
    return [
        _step("ingest", now, tx, _ingest(), _parked(fetched=True), _read(now, fetched=False)),
        _step("fetch", now, tx, _fetch(), _parked(fetched=False), _read(now, fetched=True)),
        _step("distribution", now, tx, _distribution(), _given_up(), _written(Decision, now)),
        _step("automation", now, tx, _automation(now), _stopped(), _written(AutomationRun, now)),
        _step("outbound", now, tx, _outbound(), _unsent(), _sent(now)),
        _step("upkeep", now, tx, _upkeep(now), (), _kept(now)),
    ]


def undistributed_by_reason(tx: Connection) -> dict[str, int]:
    """How many OPVs wait for a broker, by reason."""
    reason = func.coalesce(DistributionWork.reason, WAITING)
    statement = (
        select(reason, func.count())
        .join(Opportunity, Opportunity.id == DistributionWork.opportunity_id)
        .where(undistributed())
        .group_by(reason)
    )
    return {row[0]: row[1] for row in tx.execute(statement)}


def runs_by_result(tx: Connection, since: datetime) -> Sequence[tuple[str, str, int]]:
    """Automation runs since a moment: automation, result, count."""
    run = AutomationRun
    statement = (
        select(run.automation, run.result, func.count())
        .where(run.id >= ids_since(since), run.at >= since)
        .group_by(run.automation, run.result)
    )
    return [(row[0], row[1], row[2]) for row in tx.execute(statement)]


Waiting = Sequence[Select[*tuple[Any, ...]]]
"""Statements that give depth, oldest time and how many rows failed before, to be added up."""


def _step(
    step: str, now: datetime, tx: Connection, waiting: Waiting, parked: Waiting, done: Select[*tuple[Any, ...]]
) -> StepWork:
    depth, failing, oldest = 0, 0, now
    for statement in waiting:
        count, since, failed = tx.execute(statement).one()
        depth, failing, oldest = depth + count, failing + failed, min(oldest, since or now)
    stopped: int = sum(tx.execute(statement).scalar_one() for statement in parked)
    return StepWork(
        step=step,
        depth=depth,
        oldest_seconds=round((now - oldest).total_seconds(), 3),
        rate=tx.execute(done).scalar_one(),
        failures=stopped + failing,
        parked=stopped,
    )


def _waiting(since: Any, failed: Any) -> Select[*tuple[Any, ...]]:
    return select(func.count(), func.min(since), func.count().filter(failed))


def _ingest() -> Waiting:
    of_state = and_(Submission.state == SubmissionState.INGEST.value, Submission.due_at.is_not(None))
    return (
        _waiting(Delivery.received_at, Delivery.attempts > 1).where(Delivery.due_at.is_not(None)),
        _waiting(Submission.created_at, Submission.attempts > 1).where(of_state),
    )


def _fetch() -> Waiting:
    failed = or_(Submission.failures > 0, Submission.attempts > 1)
    of_state = and_(Submission.state == SubmissionState.FETCH.value, Submission.due_at.is_not(None))
    return (_waiting(Submission.created_at, failed).where(of_state),)


def _distribution() -> Waiting:
    waits = DistributionWork
    return (_waiting(waits.since, waits.attempts > 1).where(waits.due_at.is_not(None)),)


def _automation(now: datetime) -> Waiting:
    # A timer that is not due is no work yet; one under a lease has its due time moved to the end of that.
    due = and_(Timer.due_at <= now + _LONGEST_LEASE, or_(Timer.due_at <= now, Timer.lease.is_not(None)))
    scheduled = or_(Schedule.due_at <= now, Schedule.lease.is_not(None), Schedule.started_at.is_not(None))
    return (
        _waiting(PendingEvent.at, PendingEvent.attempts > 1).where(PendingEvent.due_at.is_not(None)),
        _waiting(Timer.due_at, Timer.attempts > 1).where(due),
        _waiting(AutomationRun.due_at, AutomationRun.attempts > 1).where(AutomationRun.due_at <= now),
        _waiting(Schedule.due_at, Schedule.attempts > 1).where(Schedule.due_at.is_not(None), scheduled),
    )


def _outbound() -> Waiting:
    message = OutboundMessage
    failed = or_(message.failures > 0, message.attempts > 1)
    return (_waiting(message.created_at, failed).where(message.due_at.is_not(None)),)


def _upkeep(now: datetime) -> Waiting:
    # As of timers, what is not due is no work yet; but what failed is told until it succeeds.
    chore = Chore
    due = or_(chore.due_at <= now, chore.lease.is_not(None))
    figures = (func.count().filter(due), func.min(chore.due_at), func.count().filter(chore.failures > 0))
    return (select(*figures).where(chore.due_at.is_not(None)),)


def _parked(*, fetched: bool) -> Waiting:
    """Parked submissions whose lead was there, or those whose lead the platform did not give."""
    not_given = and_(Submission.pointer.is_not(None), Submission.fetched.is_(None))
    parked = Submission.outcome == Outcome.PARKED.value
    return (select(func.count()).where(parked, ~not_given if fetched else not_given),)


def _given_up() -> Waiting:
    waits = DistributionWork
    return (select(func.count()).where(waits.due_at.is_(None), waits.reason.in_(GIVEN_UP)),)


def _stopped() -> Waiting:
    return (
        select(func.count()).select_from(PendingEvent).where(PendingEvent.due_at.is_(None)),
        select(func.count()).select_from(Timer).where(Timer.due_at.is_(None)),
    )


def _unsent() -> Waiting:
    return (select(func.count()).select_from(OutboundMessage).where(OutboundMessage.state == "parked"),)


def _read(now: datetime, *, fetched: bool) -> Select[*tuple[Any, ...]]:
    """Submissions done in the last minute: all of them, or those whose lead was fetched. (A retry may end one that
    is older than the id's bound: it is then not in the rate.)"""
    statement = select(func.count()).where(
        Submission.id >= ids_since(now - _MINUTE), Submission.done_at >= now - _MINUTE
    )
    return statement.where(Submission.fetched.is_not(None)) if fetched else statement


def _written(table: type[Decision] | type[AutomationRun], now: datetime) -> Select[*tuple[Any, ...]]:
    return select(func.count()).where(table.id >= ids_since(now - _MINUTE), table.at >= now - _MINUTE)


def _sent(now: datetime) -> Select[*tuple[Any, ...]]:
    message = OutboundMessage
    return select(func.count()).where(message.id >= ids_since(now - _MINUTE), message.sent_at >= now - _MINUTE)


def _kept(now: datetime) -> Select[*tuple[Any, ...]]:
    return select(func.count()).select_from(Chore).where(Chore.last_at >= now - _MINUTE)

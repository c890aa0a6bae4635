"""Automations: how they do, what they did, and what people do to them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from db.queries.automations import paused_count
from opv.automation import by_hand, show
from opv.automation.backtest import backtest
from opv.automation.dry_run import dry_run
from schemas.automations import (
    AutomationDetail,
    AutomationItem,
    Backtest,
    BacktestBody,
    DryRun,
    OpvBody,
    PauseBody,
    PausedItem,
    ResumeBody,
    ResumedItem,
    RunDetail,
    RunFilters,
    RunItem,
)
from schemas.errors import Reject
from schemas.page import Page
from schemas.simulation import begin_of
from web.api.actions import NoParameters
from web.api.auth import Caller, Calls

router = APIRouter(tags=["automations"])

MOST = 20_000
"""Times that an automation may have fired in a backtest over the API; the command has no bound."""


@router.get("/automations")
def list_automations(caller: Calls, _: NoParameters) -> Page[AutomationItem]:
    """The automations of the configuration and how each does."""
    with caller.reading() as visit:
        found = show.automations(visit.tx, visit.house, visit.viewer, caller.desk.clock())
        return visit.shown(Page(items=found))


@router.get("/automations/{key}")
def get_automation(key: str, caller: Calls, _: NoParameters) -> AutomationDetail:
    """An automation as it is configured, how it does, and its last runs."""
    with caller.reading() as visit:
        return visit.shown(show.automation(visit.tx, visit.house, visit.viewer, caller.desk.clock(), key))


@router.get("/automation-runs")
def list_automation_runs(caller: Calls, filters: Annotated[RunFilters, Query()]) -> Page[RunItem]:
    """What automations did, occurrence by occurrence; managers see those on OPVs that they see."""
    with caller.reading() as visit:
        return visit.shown(show.runs(visit.tx, visit.house, visit.viewer, filters))


@router.get("/automation-runs/{ident}")
def get_automation_run(ident: str, caller: Calls, _: NoParameters) -> RunDetail:
    """A run with the entries of the OPV's history that it made."""
    with caller.reading() as visit:
        return visit.shown(show.run(visit.tx, visit.house, visit.viewer, _id(ident)))


@router.post("/automation-runs/{ident}/retry")
def retry_run(ident: str, caller: Calls, _: NoParameters) -> RunDetail:
    """Tries a run again that failed or is paused, from the action on that it did not do."""
    with caller.acting() as visit:
        run = _id(ident)
        ran = by_hand.retry(visit.tx, visit.house, visit.viewer, caller.desk.clock(), run)
        found = visit.shown(show.run(visit.tx, visit.house, visit.viewer, run))
    caller.wake(ran.woken)
    return found


@router.post("/automations/{key}/pause")
def pause_automation(key: str, caller: Calls, body: PauseBody, _: NoParameters) -> PausedItem:
    """Lets an automation do nothing until it is resumed. What triggers it meanwhile is kept as paused runs."""
    with caller.acting() as visit:
        return by_hand.pause(visit.tx, visit.house, visit.viewer, caller.desk.clock(), key, body.because)


@router.post("/automations/{key}/resume")
def resume_automation(key: str, caller: Calls, body: ResumeBody, _: NoParameters) -> ResumedItem:
    """Lets an automation go on; with `missed`, what was triggered during the pause is done now, if its condition still
    holds."""
    with caller.acting() as visit:
        by_hand.resume(visit.tx, visit.house, visit.viewer, key)
    return ResumedItem(key=key, missed=_missed(caller, key) if body.missed else 0, left=_left(caller, key))


@router.post("/automations/{key}/run")
def run_automation(key: str, caller: Calls, body: OpvBody, _: NoParameters) -> RunDetail:
    """Has an automation run on an OPV now, whatever its trigger is, and though it is paused, if its condition holds."""
    with caller.acting() as visit:
        ran = by_hand.run(visit.tx, visit.house, visit.viewer, caller.desk.clock(), key, str(body.opv))
        found = visit.shown(show.run(visit.tx, visit.house, visit.viewer, ran.ids[0]))
    caller.wake(ran.woken)
    return found


@router.post("/automations/{key}/dry-run")
def try_automation(key: str, caller: Calls, body: OpvBody, _: NoParameters) -> DryRun:
    """What an automation would do to an OPV now. Nothing is written."""
    with caller.reading() as visit:
        return visit.shown(
            dry_run(visit.tx, visit.house, visit.viewer, caller.desk.clock(), key, str(body.opv))
        )  # fmt: skip


@router.post("/automations/{key}/backtest")
def backtest_automation(key: str, caller: Calls, body: BacktestBody, _: NoParameters) -> Backtest:
    """What an automation would have done to the past, of at most 20,000 times. Nothing is written."""
    until = caller.desk.clock()
    with caller.reading() as visit:
        since = begin_of(body.since, until, visit.house.zone)
        return visit.shown(backtest(visit.tx, visit.house, visit.viewer, key, since, until, most=MOST))


def _missed(caller: Caller, key: str) -> int:
    """In units of work of their own, the oldest runs first."""
    total, after = 0, None
    while True:
        with caller.acting() as visit:
            now = caller.desk.clock()
            count, after = by_hand.resume_missed(visit.tx, visit.house, visit.viewer, now, key, after)
        total += count
        if after is None:
            break
    caller.wake({"automation"} if total else set())
    return total


def _id(ident: str) -> UUID:
    try:
        return UUID(ident)
    except ValueError:
        raise Reject("unknown_run", "there is no such run", 404) from None


def _left(caller: Caller, key: str) -> int:
    with caller.reading() as visit:
        return paused_count(visit.tx, key)

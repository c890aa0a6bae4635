"""The automations of the configuration and how they do, as they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, true

from db.queries import automations as stored
from db.queries import opvs
from opv.access import Viewer, explained, may_operate, may_see_automations
from opv.automation.words import in_words
from opv.house import House
from schemas.automations import AutomationDetail, AutomationItem, PausedItem, RunDetail, RunFilters, RunItem
from schemas.config import Automation
from schemas.errors import Reject
from schemas.page import Page

_DAY = timedelta(days=1)
_LAST = 10
"""Runs that are shown with an automation."""


def automations(tx: Connection, house: House, viewer: Viewer | None, now: datetime) -> list[AutomationItem]:
    """Those of the file, in its order; what stages do by the clock is none. `viewer` None: the command line. Raises
    `Reject` (403)."""
    _require(viewer)
    listed = house.configuration.automations
    found = stored.doings(tx, [one.key for one in listed], now - _DAY)
    return [_item(one, found) for one in listed]


def automation(tx: Connection, house: House, viewer: Viewer | None, now: datetime, key: str) -> AutomationDetail:
    """One of them, with its last runs. Raises `Reject`: `unknown_automation` (404), `forbidden` (403)."""
    _require(viewer)
    one = next((one for one in house.configuration.automations if one.key == key), None)
    if one is None:
        raise Reject("unknown_automation", f"there is no automation {key}", 404)
    item = _item(one, stored.doings(tx, [key], now - _DAY))
    last = stored.runs(tx, RunFilters(automation=key, limit=_LAST), None, _seen(viewer, house))
    configured = one.model_dump(
        mode="json", by_alias=True, include={"on", "when", "do", "rate", "pause_after", "older"}
    )
    return AutomationDetail(**item.model_dump(), configured=configured, runs=last.items)


def runs(tx: Connection, house: House, viewer: Viewer | None, filters: RunFilters) -> Page[RunItem]:
    """What automations did, the newest first. A run names no client, and what it quotes of a lead is masked, so that
    operations may see those of every OPV; managers see those of OPVs that they see. Raises `Reject` (403)."""
    _require(viewer)
    opv = None
    if filters.opv is not None and (opv := opvs.find(tx, true(), filters.opv)) is None:
        return Page(items=[])
    return stored.runs(tx, filters, opv, _seen(viewer, house))


def run(tx: Connection, house: House, viewer: Viewer | None, ident: UUID) -> RunDetail:
    """A run with the entries that it made. Raises `Reject`: `unknown_run` (404), `forbidden` (403)."""
    _require(viewer)
    found = stored.run(tx, ident, _seen(viewer, house))
    if found is None:
        raise Reject("unknown_run", "there is no such run", 404)
    return found


def _item(one: Automation, found: Mapping[str, stored.Doing]) -> AutomationItem:
    doing = found.get(one.key) or stored.Doing()
    state = doing.state
    paused = None
    if state is not None and state.paused_at is not None:
        paused = PausedItem(at=state.paused_at, by=state.paused_by, because=state.because)
    return AutomationItem(
        key=one.key, name=one.name, trigger=in_words(one.on), active=one.active, paused=paused,
        failures=state.failures if state else 0, failed_at=state.failed_at if state else None,
        runs_24h=doing.results, waiting=doing.waiting, last_run_at=doing.last_at,
    )  # fmt: skip


def _seen(viewer: Viewer | None, house: House) -> ColumnElement[bool] | None:
    return None if viewer is None or may_operate(viewer) else explained(viewer, house)


def _require(viewer: Viewer | None) -> None:
    if viewer is not None and not may_see_automations(viewer):
        raise Reject("forbidden", "only directors, operations and managers see this", 403)

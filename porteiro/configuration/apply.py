"""Applying: one transaction that keeps the configuration as a numbered version and retires what it drops."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection

from db.queries import configuration as stored
from db.session import Database
from opv.automation.plan import plan
from porteiro.configuration.changes import Change, changes
from porteiro.configuration.moved import held, refuse_held
from schemas.config import Configuration, InlineQueue
from schemas.errors import Reject


@dataclass(frozen=True, slots=True)
class Applied:
    """The version in force and what it changed; nothing, when it was in force before. `retried` counts the OPVs
    without owner that are distributed again."""

    version: int
    changes: list[Change]
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Pending:
    """The version in force, what applying would change, and how many OPVs, by stage, stand against it (see
    `moved.held`)."""

    version: int
    changes: list[Change]
    held: Mapping[str, int]


def pending(tx: Connection, configuration: Configuration) -> Pending:
    """What applying the configuration would do."""
    number = stored.newest_number(tx)
    before = in_force(tx, number)
    return Pending(number, changes(before, configuration), held(tx, before, configuration))


def in_force(tx: Connection, number: int) -> Configuration | None:
    """The configuration of a version; None of version 0, which stands for nothing."""
    return Configuration.model_validate_json(stored.document(tx, number)) if number else None


def apply(
    database: Database, configuration: Configuration, *, by: str, now: datetime, shown: int | None = None
) -> Applied:
    """Makes the configuration the one in force, as a new version if it changes anything.

    `by` is who applies it; `shown` the version against which the changes were confirmed. Raises `Reject` (409):
    `configuration_changed` when another one has been applied since, `stage_holds_opvs` when it drops a stage with OPVs
    and does not say where they go.
    """
    with database.write() as tx:
        stored.lock(tx)
        number = stored.newest_number(tx)
        if shown is not None and number != shown:
            raise Reject("configuration_changed", f"version {number} has been applied since: look at it again", 409)
        before = in_force(tx, number)
        differences = changes(before, configuration)
        if not differences:
            return Applied(number, [])
        refuse_held(tx, before, configuration)
        stored.insert_version(
            tx,
            number + 1,
            configuration.model_dump_json(by_alias=True),
            json.dumps([asdict(change) for change in differences]),
            at=now,
            by=by,
        )
        wanted = [(one.key, one.source, one.model_dump_json()) for one in configuration.channels]
        stored.store_channels(tx, wanted, now)
        present = _keys(configuration)
        known = {(one.kind, one.key) for one in present}
        dropped = [one for one in _keys(before) if (one.kind, one.key) not in known]
        stored.store_retired(tx, dropped, present, now)
        plan(tx, configuration, now)  # before the states: a run under way holds its schedule, then writes its state
        active, was = _active(configuration), _active(before)
        stored.activate_automations(tx, active, active - was, now)
        return Applied(number + 1, differences, stored.retry_undistributed(tx, number + 1, now))


def _active(configuration: Configuration | None) -> set[str]:
    """Automations that run."""
    return {one.key for one in configuration.automations if one.active} if configuration else set()


def _keys(configuration: Configuration | None) -> list[stored.NamedKey]:
    """What rows of OPVs may name, and which therefore stays known when it is dropped."""
    if configuration is None:
        return []
    inline = [rule.key for rule in configuration.distribution.rules if isinstance(rule.queue, InlineQueue)]
    return [
        *(stored.NamedKey("person", one.key, one.name) for one in configuration.people),
        *(stored.NamedKey("team", one.key, one.name) for one in configuration.teams),
        *(stored.NamedKey("development", one.key, one.name) for one in configuration.developments),
        *(stored.NamedKey("campaign", one.key, one.name) for one in configuration.campaigns),
        *(stored.NamedKey("medium", one.key, one.name) for one in configuration.media),
        *(stored.NamedKey("origin", one.key, one.name) for one in configuration.origins),
        *(stored.NamedKey("funnel", one.key, one.name) for one in configuration.all_funnels),
        *(stored.NamedKey("stage", one.key, one.name) for one in configuration.stages),
        *(stored.NamedKey("queue", key, key) for key in (*(one.key for one in configuration.queues), *inline)),
        *(stored.NamedKey("automation", one.key, one.key) for one in configuration.automations),
    ]

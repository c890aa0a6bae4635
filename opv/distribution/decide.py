"""The distribution step: OPVs without an owner get a team, a manager and a broker, each decision explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update

from db.bulk import update_rows
from db.claim import WorkList
from db.models import Base
from db.statement import Statement, pipelined, run_all
from opv import history
from opv.batch import OPVS, Batch, Cause, opvs_by_id
from opv.distribution.assign import assign, decide
from opv.distribution.gates import closed_to
from opv.distribution.pickers import Closed, Pick, Turns
from opv.distribution.queues import Line, line_of, lock_queues, write_queues
from opv.distribution.rules import RuleFound, find_rule
from opv.facts import CAPTURES, OpvFacts, by_opv, newest
from opv.house import House

_WORK = Base.metadata.tables["distribution_work"]
_VERSIONS = Base.metadata.tables["config_versions"]

_DONE = Statement(lambda one_of: delete(_WORK).where(one_of(_WORK.c.opportunity_id, "ids")))

RETURNING_RULE = "returning"
"""Stands where a rule's key would: the client's earlier broker keeps it, no turn is taken."""


class Distribute:
    """Work list: `distribution_work`. An OPV leaves it when it is assigned; what cannot be assigned stays, with
    the reason, until the configuration changes."""

    name = "distribution"
    work_list = WorkList(_WORK, "opportunity_id", batch=500, lease=timedelta(seconds=60), max_attempts=3)

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Decides for each OPV in the order in which they came."""
        held, opvs, captured = run_all(
            tx, (self.work_list.held, {"ids": ids, "token": token}), (OPVS, {"ids": ids}), (CAPTURES, {"opvs": ids})
        )
        works = {row.opportunity_id: row for row in held}
        batch = Batch(house, now)
        batch.opvs = opvs_by_id(opvs)
        captures = by_opv(captured)
        found: dict[UUID, RuleFound] = {}
        lines: dict[UUID, Line] = {}
        closed = [id_ for id_, opv in batch.opvs.items() if opv.status != "open"]
        turns = sorted((w for w in works.values() if w.opportunity_id not in closed), key=lambda w: w.since)
        for work in turns:
            opv = batch.opvs[work.opportunity_id]
            if not _keeps(work, house):
                rule = find_rule(house.rules, OpvFacts(opv, newest(captures.get(opv.id, ()))))
                found[opv.id] = rule
                if rule.rule:
                    lines[opv.id] = line_of(rule.rule.queue, opv.development, house)
        queues = lock_queues(tx, lines.values())
        waiting = [
            undistributed
            for work in turns
            if (undistributed := _decide(batch, work, found.get(work.opportunity_id), lines, queues))
        ]
        batch.write(tx)
        with pipelined(tx):
            write_queues(tx, queues)
            _close(tx, works, waiting, house)
        return batch.woken

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """The OPV is undistributed, with the reason, until the configuration changes."""
        version = select(func.max(_VERSIONS.c.number)).scalar_subquery()
        tx.execute(
            update(_WORK)
            .where(_WORK.c.opportunity_id == id_)
            .values(due_at=None, lease=None, attempts=0, reason=reason, config_version=version)
        )


def retry_undistributed(tx: Connection, version: int, now: datetime) -> bool:
    """Makes due what an older configuration could not distribute; whether there was any."""
    statement = (
        update(_WORK).where(_WORK.c.due_at.is_(None), _WORK.c.config_version < version).values(due_at=now, attempts=0)
    )
    return tx.execute(statement).rowcount > 0


def _keeps(work: Any, house: House) -> bool:
    return work.prefer is not None and closed_to(work.prefer, house.roster, work.exclude) is None


def _decide(
    batch: Batch,
    work: Any,
    found: RuleFound | None,
    lines: dict[UUID, Line],
    queues: dict[str, Turns],
) -> dict[str, Any] | None:
    """Assigns the OPV, or gives what is to be written on its work row."""
    opv = batch.opvs[work.opportunity_id]
    if found is None:
        explanation: dict[str, Any] = {"because": "the client's broker of before keeps the client"}
        _assign(batch, work, work.prefer, RETURNING_RULE, None, (), explanation)
        return None
    explanation = {"rules": found.tried}
    if found.rule is None:
        return _leave(batch, work, None, None, "no_rule", explanation)
    line = lines[opv.id]
    queue = queues[line.key]
    pick = queue.pick(lambda broker: _closed(closed_to(broker, batch.house.roster, work.exclude)))
    explanation |= _explain(queue, pick)
    rule = found.rule.rule.key
    if pick.broker is None:
        reason = "all_left_out" if queue.candidates else "no_broker"
        return _leave(batch, work, rule, line.key, reason, explanation)
    development = batch.house.catalog.developments.get(opv.development or "")
    teams = line.teams or (tuple(development.teams) if development else ())
    _assign(batch, work, pick.broker, rule, line.key, teams, explanation)
    return None


def _closed(reason: str | None) -> Closed | None:
    return Closed(reason) if reason else None


def _explain(queue: Turns, pick: Pick) -> dict[str, Any]:
    return {
        "queue": queue.key,
        "candidates": queue.candidates,
        "excluded": [{"broker": broker, "because": reason} for broker, reason in pick.excluded],
        "turn": pick.turn,
    }


def _assign(
    batch: Batch,
    work: Any,
    broker: str,
    rule: str,
    queue: str | None,
    teams: Sequence[str],
    explanation: dict[str, Any],
) -> None:
    opv = batch.opvs[work.opportunity_id]
    place = batch.house.roster.place(broker, teams)
    assign(batch, opv, _cause(work), place, broker, rule=rule, queue=queue, explanation=explanation)


def _leave(
    batch: Batch, work: Any, rule: str | None, queue: str | None, reason: str, explanation: dict[str, Any]
) -> dict[str, Any]:
    opv = batch.opvs[work.opportunity_id]
    decide(batch, opv, rule=rule, queue=queue, broker=None, reason=reason, explanation=explanation)
    if work.reason != reason:
        batch.record(opv, history.UNDISTRIBUTED, _cause(work), {"reason": reason, "rule": rule})
    return {"opportunity_id": opv.id, "reason": reason}


def _cause(work: Any) -> Cause:
    """Distribution, with the automations that asked for it."""
    return Cause("distribution", work.depth, tuple(filter(None, work.chain.split(","))))


def _close(tx: Connection, works: dict[UUID, Any], waiting: Sequence[dict[str, Any]], house: House) -> None:
    """Takes the assigned off the list; the undistributed stay on it with their reason."""
    left = {row["opportunity_id"] for row in waiting}
    done = [id_ for id_ in works if id_ not in left]
    if done:
        _DONE.send(tx, ids=done)
    rows = [{**row, "due_at": None, "lease": None, "attempts": 0, "config_version": house.version} for row in waiting]
    update_rows(tx, _WORK, ("opportunity_id",), rows)

"""The distribution step: OPVs without an owner get a team, a manager and a broker, those that their broker does not
accept in time return, each decision explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update

from db.bulk import update_rows
from db.claim import WorkList
from db.models import Base
from db.session import AnyRow
from db.statement import Statement, pipelined, run_all
from opv import history
from opv.batch import OPVS, Batch, Cause, Opv, opvs_by_id
from opv.distribution.assign import assign, assign_part, decide, put_in_pool
from opv.distribution.desk import Desk, Ruling, accept_of, tried_of
from opv.distribution.gates import Gates, Said, is_capped
from opv.distribution.loads import load_all
from opv.distribution.notices import tell
from opv.distribution.queues import Lane, lane_of, lock_queues, open_all, queue_key, write_queues
from opv.distribution.returns import give_back, managed, send_to, terms_of
from opv.distribution.rules import RuleFound, find_rule
from opv.distribution.waiting import ACCEPTING, OFFERED, POOL, WAITING, only_way
from opv.facts import CAPTURES, OpvFacts, by_opv, newest
from opv.house import House
from schemas.config import Terms

_WORK = Base.metadata.tables["distribution_work"]
_VERSIONS = Base.metadata.tables["config_versions"]
_PAIRS = Base.metadata.tables["excluded_pairs"]
_OPVS = Base.metadata.tables["opportunities"]
_AVAILABILITY = Base.metadata.tables["availability"]

_DONE = Statement(lambda one_of: delete(_WORK).where(one_of(_WORK.c.opportunity_id, "ids")))

PAIRS_OF = Statement(
    lambda one_of: (
        select(_PAIRS.c.client_id, _PAIRS.c.broker)
        .join(_OPVS, _OPVS.c.client_id == _PAIRS.c.client_id)
        .where(one_of(_OPVS.c.id, "opvs"))
    )
)
"""Clients of `opvs` and the brokers they are not to have."""

SAID = Statement(
    lambda _: select(_AVAILABILITY.c.person, _AVAILABILITY.c.state, _AVAILABILITY.c.stand, _AVAILABILITY.c.until)
)
"""What people said of themselves."""

PAUSED = Statement(lambda _: select(Base.metadata.tables["paused_queues"].c.queue))
"""Queues that give nothing."""


def said_by(rows: Sequence[AnyRow]) -> dict[str, Said]:
    """Rows of `SAID` by person."""
    return {row.person: Said(row.state, row.stand, row.until) for row in rows}


@dataclass(slots=True)
class _Table:
    """A batch on the desk: rows to decide in the order in which they came, the rule found for each, and the lanes of
    its queues."""

    batch: Batch
    turns: list[AnyRow]
    found: dict[UUID, RuleFound] = field(default_factory=dict)
    lanes: dict[UUID, Sequence[Lane]] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=list)
    """What the rows that stay on the list are to say."""


class Distribute:
    """Work list: `distribution_work`. An OPV leaves it when it is assigned, and accepted where that is asked; what
    cannot be assigned stays, with the reason, until somebody is there or the configuration changes."""

    name = "distribution"
    work_list = WorkList(_WORK, "opportunity_id", batch=500, lease=timedelta(seconds=60), max_attempts=3)

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Decides for each OPV in the order in which they came."""
        held, opvs, captured, pairs, said, paused = run_all(
            tx, (self.work_list.held, {"ids": ids, "token": token}), (OPVS, {"ids": ids}), (CAPTURES, {"opvs": ids}),
            (PAIRS_OF, {"opvs": ids}), (SAID, {}), (PAUSED, {}),
        )  # fmt: skip
        batch = Batch(house, now)
        batch.opvs = opvs_by_id(opvs)
        gates = Gates(house, now, said_by(said), {(row.client_id, row.broker) for row in pairs})
        table = _Table(batch, sorted((w for w in held if batch.opvs[w.opportunity_id].status == "open"), key=_since))
        captures = by_opv(captured)
        for work in table.turns:
            if work.state != ACCEPTING:
                _find(table, gates, work, captures.get(work.opportunity_id, ()))
        lanes = {one.key: one for lanes in table.lanes.values() for one in lanes}
        brokers = {broker for one in lanes.values() for broker in one.brokers}
        counted = any(is_capped(one.queue, house, one.brokers) for one in lanes.values())
        locked = lock_queues(tx, lanes.values(), counted=counted)
        gates.loads = load_all(tx, brokers, now, house.zone) if counted else {}
        lines = open_all(lanes.values(), locked, {row.queue for row in paused}, gates.loads, house)
        desk = Desk(house, gates, lines)
        for work in table.turns:
            _settle(table, desk, work)
        batch.write(tx)
        with pipelined(tx):
            write_queues(tx, lines, desk.used)
            _close(tx, {row.opportunity_id for row in held}, table.kept, house)
        return batch.woken

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """The OPV is undistributed, with the reason, until the configuration changes."""
        version = select(func.max(_VERSIONS.c.number)).scalar_subquery()
        tx.execute(
            update(_WORK)
            .where(_WORK.c.opportunity_id == id_)
            .values(due_at=None, lease=None, attempts=0, reason=reason, config_version=version)
        )


def _since(work: AnyRow) -> tuple[datetime, UUID]:
    return work.since, work.opportunity_id


def _find(table: _Table, gates: Gates, work: AnyRow, captures: Sequence[Any]) -> None:
    """The rule for the OPV, and the lanes of its queues: the one that it is to be given out by alone, or the first that
    fits. An offer that nobody claimed goes on with the queues that its rule falls back to."""
    house, opv = table.batch.house, table.batch.opvs[work.opportunity_id]
    checked = house.ways.get(work.rule) if work.state == OFFERED else None
    only = house.ways.get(only_way(work.rule) or "")
    if only is not None and only.queues:
        found = RuleFound(only, tried=[{"rule": only.rule.key, "matched": True, "asked_for": True}])
        queues = only.queues
    elif checked is not None:
        keys = [queue.key for queue in checked.queues]
        offered = queue_key(work.queue)
        queues = checked.queues[keys.index(offered) + 1 :] if offered in keys else ()
        found = RuleFound(checked, tried=[{"rule": work.rule, "matched": True, "unclaimed": work.queue}])
    else:
        facts = OpvFacts(opv, newest(captures))
        tried = tried_of(work)
        found = find_rule(
            house, work, facts, gates.now, lambda person, rule: gates.named(person, rule, opv.client_id, tried)
        )
        queues = found.rule.queues if found.rule is not None and found.person is None else ()
    table.found[opv.id] = found
    table.lanes[opv.id] = [lane_of(queue, work.part, opv.development, house) for queue in queues]


def _settle(table: _Table, desk: Desk, work: AnyRow) -> None:
    """Does what is to be done about one row, and notes what stays of it."""
    opv = table.batch.opvs[work.opportunity_id]
    if work.state == ACCEPTING:
        changes = _expire(table.batch, opv, work)
    elif work.state == OFFERED and not table.lanes[opv.id]:
        queue = table.batch.house.queues.get(queue_key(work.queue))
        way = queue.offer.otherwise if queue else "pool"
        changes = send_to(table.batch, opv, _cause(work), way, "not_claimed", line=work.queue, part=work.part)
        if way == "alert":
            changes = _leave(table.batch, opv, work)
    else:
        ruling = desk.decide(work, opv, table.found[opv.id], table.lanes[opv.id])
        if ruling.kind == "wait" and work.hops and _all_tried(table, opv, work):
            then = _terms_left(table, opv).then
            changes = send_to(table.batch, opv, _cause(work), then, "nobody_else", line=work.queue)
        else:
            changes = _carry_out(table.batch, opv, work, ruling)
    if changes is not None:
        table.kept.append({"opportunity_id": opv.id, **_row_of(work), **changes})


def _leave(batch: Batch, opv: Opv, work: AnyRow) -> dict[str, Any]:
    """Nobody claimed the OPV: it may still be claimed, and a manager is told."""
    seq = batch.record(opv, history.UNDISTRIBUTED, _cause(work), {"reason": "not_claimed", "rule": work.rule})
    manager = managed(batch, opv, "manager").manager
    targets = batch.house.configuration.notices.returned
    tell(batch, opv, history.UNDISTRIBUTED, [manager] if manager else [], targets, f"{opv.id}:{seq}")
    return {"state": POOL, "due_at": None, "reason": "not_claimed"}


def _all_tried(table: _Table, opv: Opv, work: AnyRow) -> bool:
    """Whether all brokers who may get a returned OPV had it already: then it waits for nobody."""
    tried, roster = set(tried_of(work)), table.batch.house.roster
    brokers = [one for lane in table.lanes[opv.id] for one in lane.brokers if roster.is_active(one)]
    return bool(brokers) and tried.issuperset(brokers)


def _terms_left(table: _Table, opv: Opv) -> Terms:
    """The terms of an OPV that returned: those of the queue that it was to go on in, or of its stage."""
    found, stage = table.found[opv.id].rule, table.batch.house.stages.get(opv.stage)
    return accept_of(found, table.lanes[opv.id][0].queue) or (stage.expiry if stage else None) or Terms()


def _row_of(work: AnyRow) -> dict[str, Any]:
    names = ("state", "since", "due_at", "reason", "broker", "queue", "rule", "hops", "exclude")
    return {name: getattr(work, name) for name in names}


def _expire(batch: Batch, opv: Opv, work: AnyRow) -> dict[str, Any] | None:
    """The broker did not accept in time."""
    terms = terms_of(batch.house, work)
    if terms is None or opv.broker != work.broker or (terms.spare_contacted and opv.first_contact_at is not None):
        return None
    return give_back(
        batch, opv, _cause(work), terms, "not_accepted", hops=work.hops, line=work.queue, tried=tried_of(work)
    )


def _carry_out(batch: Batch, opv: Opv, work: AnyRow, ruling: Ruling) -> dict[str, Any] | None:
    """Writes the ruling; gives what is to be written on its work row, None when it leaves the list."""
    cause = _cause(work)
    if ruling.kind == "give":
        return _assign(batch, opv, work, ruling, cause)
    waited = work.state == WAITING and work.reason == ruling.reason
    decision = None
    if not waited or work.config_version != batch.house.version:
        decision = decide(
            batch, opv, rule=ruling.rule, queue=ruling.line, broker=None, reason=ruling.reason,
            explanation=ruling.explanation, snapshot=ruling.snapshot, part=work.part,
        )  # fmt: skip
    changes: dict[str, Any] = {"reason": ruling.reason, "due_at": ruling.until, "queue": ruling.line}
    changes |= {"rule": ruling.rule, "broker": None}
    if ruling.kind == "pool" and ruling.line is not None and decision is not None:
        put_in_pool(batch, opv, cause, rule=ruling.rule, queue=ruling.line, decision=decision)
        return changes | {"state": POOL, "exclude": None}
    if ruling.kind == "offer" and ruling.until is not None:
        seq = batch.record(
            opv, history.OFFERED, cause,
            {"queue": ruling.line, "rule": ruling.rule, "until": history.stamp(ruling.until)},
        )  # fmt: skip
        may = _offered_to(batch.house, ruling, work.part, opv)
        tell(batch, opv, history.OFFERED, may, batch.house.configuration.notices.offered, f"{opv.id}:{seq}")
        return changes | {"state": OFFERED}
    if not waited:
        batch.record(opv, history.UNDISTRIBUTED, cause, {"reason": ruling.reason, "rule": ruling.rule})
    asked_for = only_way(work.rule) in batch.house.ways
    return changes | {"state": WAITING, "rule": work.rule if asked_for else ruling.rule}


def _offered_to(house: House, ruling: Ruling, part: str, opv: Opv) -> Sequence[str]:
    queue = house.queues[queue_key(ruling.line or "")]
    return [one for one in lane_of(queue, part, opv.development, house).brokers if house.roster.is_active(one)]


def _assign(batch: Batch, opv: Opv, work: AnyRow, ruling: Ruling, cause: Cause) -> dict[str, Any] | None:
    if work.part == "presales":
        assign_part(
            batch, opv, cause, "presales", ruling.place, ruling.broker, rule=str(ruling.rule),
            explanation=ruling.explanation, queue=ruling.line, snapshot=ruling.snapshot,
        )  # fmt: skip
        return None
    assign(
        batch, opv, cause, ruling.place, ruling.broker, rule=str(ruling.rule), queue=ruling.line,
        explanation=ruling.explanation, snapshot=ruling.snapshot, until=ruling.until,
    )  # fmt: skip
    if ruling.until is None:
        return None
    return {
        "state": ACCEPTING, "due_at": ruling.until, "reason": None, "broker": ruling.broker, "queue": ruling.line,
        "rule": ruling.rule,
    }  # fmt: skip


def _cause(work: Any) -> Cause:
    """Distribution, with the automations that asked for it."""
    return Cause("distribution", work.depth, tuple(filter(None, work.chain.split(","))))


def _close(tx: Connection, worked: set[UUID], kept: Sequence[Mapping[str, Any]], house: House) -> None:
    """Takes the assigned off the list; the others stay on it with their reason."""
    done = worked - {row["opportunity_id"] for row in kept}
    if done:
        _DONE.send(tx, ids=done)
    rows = [{**row, "lease": None, "attempts": 0, "config_version": house.version} for row in kept]
    update_rows(tx, _WORK, ("opportunity_id",), rows)

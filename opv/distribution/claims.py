"""Claiming: a broker takes an OPV that is offered to its queue, or lies in the queue's pool. The first one has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select

from db.models import Base
from db.queries.opvs import identified
from db.statement import pipelined, run_all
from opv.access import Viewer
from opv.actions import Acting
from opv.batch import Opv
from opv.by_people import Done, acting, lock
from opv.distribution.assign import assign, assign_part
from opv.distribution.decide import PAIRS_OF, PAUSED, SAID, said_by
from opv.distribution.gates import Gates, is_capped
from opv.distribution.loads import load_all
from opv.distribution.queues import Lane, Locked, lane_at, lock_queues, open_all, write_queues
from opv.distribution.waiting import OFFERED, POOL
from opv.house import House
from schemas.config import Skills
from schemas.errors import Reject

CLAIM_RULE = "claim"
"""Stands where a rule's key would when a claim was of a pool that no rule led to."""

_NO_SKILLS = Skills()
_WORK = Base.metadata.tables["distribution_work"]
_DECISIONS = Base.metadata.tables["decisions"]


def claim(tx: Connection, house: House, viewer: Viewer, now: datetime, ident: str) -> Done:
    """Gives the OPV to the person, who is on the line that it is offered to. It counts as the person's turn.

    Raises `Reject`: `unknown_opv` (404) for who is not on the line; `already_claimed`, `offer_over`, `queue_paused`,
    `may_not_claim` (409)."""
    condition = identified(ident)
    opv = None if condition is None else lock(tx, condition)
    if opv is None:
        raise _unknown()
    row = opv.listed
    claimable = row is not None and row.state in (OFFERED, POOL) and opv.status == "open"
    lane = lane_at(row.queue, row.part, house) if claimable else _lane_before(tx, opv, house)
    if lane is None or viewer.person not in lane.brokers:
        raise _unknown()
    if not claimable:
        raise _gone(opv, lane.part)
    if row.due_at is not None and row.due_at <= now:
        raise Reject("offer_over", "the time of the offer is over: nobody claimed it in time", 409)
    at = acting(tx, house, viewer, now, opv)
    _take(at, row, lane, viewer.person)
    return Done(opv.id, at.batch.woken)


def claimable_by(person: str, row: Any, client: UUID, house: House, gates: Gates) -> str | None:
    """Why the person may not claim the OPV of the client on this row of the list; None when it may."""
    lane = lane_at(row.queue, row.part, house)
    if lane is None or person not in lane.brokers:
        return "not_in_queue"
    checked = house.ways.get(row.rule)
    skills = checked.rule.skills if checked else _NO_SKILLS
    return gates.claiming(person, client, lane.queue, row.part, skills)


def gates_for(tx: Connection, house: House, now: datetime, opvs: Sequence[UUID]) -> tuple[Gates, set[str]]:
    """The gates that stand before claims of these OPVs, without the brokers' loads, and the queues that are paused."""
    pairs, said, paused = run_all(tx, (PAIRS_OF, {"opvs": opvs}), (SAID, {}), (PAUSED, {}))
    gates = Gates(house, now, said_by(said), {(row.client_id, row.broker) for row in pairs})
    return gates, {row.queue for row in paused}


def _take(at: Acting, row: Any, lane: Lane, person: str) -> None:
    """Gives the OPV under the line's lock, and takes it off the list."""
    tx, batch, opv, house = at.tx, at.batch, at.opv, at.batch.house
    gates, paused = gates_for(tx, house, batch.now, [opv.id])
    if lane.queue.key in paused:
        raise Reject("queue_paused", "the queue is paused: nothing is given out of it now", 409)
    counted = is_capped(lane.queue, house, (person,))
    locked: Locked = lock_queues(tx, [lane], counted=counted)
    gates.loads = load_all(tx, [person], batch.now, house.zone) if counted else {}
    because = claimable_by(person, row, opv.client_id, house, gates)
    if because is not None:
        raise Reject("may_not_claim", f"you cannot take it now: {because.replace('_', ' ')}", 409)
    lines = open_all([lane], locked, (), gates.loads, house)
    line = lines[lane.key]
    line.ask(gates)
    explanation: Mapping[str, Any] = {"claimed": True, "queue": lane.key, "turn": line.turns.serve(person)}
    told: dict[str, Any] = {"queue": lane.key, "explanation": explanation, "snapshot": line.snapshot["digest"]}
    rule, place = row.rule or CLAIM_RULE, house.roster.place(person, lane.teams)
    if lane.part == "presales":
        assign_part(batch, opv, at.cause, "presales", place, person, rule=rule, **told)
    else:
        assign(batch, opv, at.cause, place, person, rule=rule, **told)
    batch.write(tx)
    tx.execute(delete(_WORK).where(_WORK.c.opportunity_id == opv.id))
    with pipelined(tx):
        write_queues(tx, lines, {lane.key})


def _lane_before(tx: Connection, opv: Opv, house: House) -> Lane | None:
    """The line that the OPV's last decision was about: who is on it may hear that somebody else was faster."""
    d = _DECISIONS.c
    statement = select(d.queue, d.part).where(d.opportunity_id == opv.id).order_by(d.id.desc()).limit(1)
    last = tx.execute(statement).first()
    return None if last is None or last.queue is None else lane_at(last.queue, last.part, house)


def _gone(opv: Opv, part: str) -> Reject:
    if (opv.presales_broker if part == "presales" else opv.broker) is not None or opv.status != "open":
        return Reject("already_claimed", "somebody was faster: the OPV is taken", 409)
    return Reject("offer_over", "the OPV is not on offer any more", 409)


def _unknown() -> Reject:
    return Reject("unknown_opv", "no such OPV", 404)

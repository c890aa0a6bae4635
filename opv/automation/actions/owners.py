"""Actions that give an OPV to somebody else."""

from __future__ import annotations

from opv import history
from opv.actions import place_named
from opv.automation.actions.doing import Doing, Done, skipped
from opv.distribution.assign import assign as give
from opv.distribution.assign import decide, put_in_pool
from opv.distribution.waiting import POOL, waiting_row
from schemas.config import Assign, AssignOptions, Pool, Redistribute

AUTOMATION_RULE = "automation"
"""Stands where a rule's key would in a decision that an automation took."""


def redistribute(action: Redistribute, at: Doing) -> Done:
    """To another broker, by the distribution rules."""
    opv, only = at.opv, action.redistribute.by
    if opv.status != "open":
        return skipped("opv_closed", "the OPV is closed")
    at.off_list.discard(opv.id)
    at.waiting[opv.id] = waiting_row(opv.id, at.batch.now, exclude=opv.broker, cause=at.cause, only=only)
    data = {"automation": at.occurrence.automation, "broker": opv.broker, **({"by": only} if only else {})}
    return {"result": "done", "seq": at.batch.record(opv, history.REDISTRIBUTION_ASKED, at.cause, data)}


def assign(action: Assign, at: Doing) -> Done:
    """To a broker, or to a team's manager."""
    opv, named = at.opv, action.assign
    if opv.status != "open":
        return skipped("opv_closed", "the OPV is closed")
    if isinstance(named, str):
        named = AssignOptions(broker=named)
    place = place_named(at.batch.house.roster, named.broker, named.team, named.manager)
    if (opv.broker, opv.manager, opv.team) == (named.broker, place.manager, place.team):
        return skipped("same_assignment", "the OPV is already with them")
    at.waiting.pop(opv.id, None)
    at.off_list.add(opv.id)
    explanation = {"by": at.cause.actor, "previous": opv.broker}
    seq = give(at.batch, opv, at.cause, place, named.broker, rule=AUTOMATION_RULE, explanation=explanation)
    return {"result": "done", "to": named.broker or place.manager, "seq": seq}


def pool(action: Pool, at: Doing) -> Done:
    """Into a queue's pool, where brokers of the queue claim it."""
    opv = at.opv
    if opv.status != "open":
        return skipped("opv_closed", "the OPV is closed")
    explanation = {"by": at.cause.actor, "previous": opv.broker}
    decision = decide(
        at.batch, opv, rule=AUTOMATION_RULE, queue=action.pool, broker=None, reason=POOL, explanation=explanation
    )
    seq = put_in_pool(at.batch, opv, at.cause, rule=AUTOMATION_RULE, queue=action.pool, decision=decision)
    at.off_list.discard(opv.id)
    at.waiting[opv.id] = waiting_row(opv.id, at.batch.now, cause=at.cause) | {
        "state": POOL, "due_at": None, "reason": POOL, "queue": action.pool,
    }  # fmt: skip
    return {"result": "done", "queue": action.pool, "seq": seq}

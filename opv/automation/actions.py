"""What an automation may do to an OPV. Each action changes the batch in memory and says what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.ids import new_id
from opv import history
from opv.actions import Acting, comment, move_stage, withdraw
from opv.batch import Batch, Cause, Opv
from opv.distribution.waiting import waiting_row
from schemas.config import Action, Advance, Comment, Notify, Redistribute, Withdraw, WithdrawOptions
from schemas.errors import Reject


@dataclass(slots=True)
class Occurrence:
    """One occurrence of one automation on one OPV: `name` makes it unique per automation and OPV."""

    tx: Connection
    automation: str
    opv: Opv
    name: str
    cause: Cause


def perform(
    action: Action,
    index: int,
    occurrence: Occurrence,
    batch: Batch,
    waiting: dict[UUID, dict[str, Any]],
    off_list: set[UUID],
) -> dict[str, Any]:
    """Does one action; gives `{action, result, …}` for the run's record. `waiting` takes OPVs to distribute, `off_list`
    those that are no more to be."""
    match action:
        case Advance():
            return {"action": "advance", **_advance(action, occurrence, batch)}
        case Comment():
            return {"action": "comment", **_comment(action, occurrence, batch)}
        case Notify():
            return {"action": "notify", **_notify(action, index, occurrence, batch)}
        case Redistribute():
            return {"action": "redistribute", **_redistribute(occurrence, batch, waiting)}
        case Withdraw():
            done = _withdraw(action.withdraw, occurrence, batch)
            if done["result"] == "done":
                waiting.pop(occurrence.opv.id, None)
                off_list.add(occurrence.opv.id)
            return {"action": "withdraw", **done}


def _advance(action: Advance, occurrence: Occurrence, batch: Batch) -> dict[str, Any]:
    opv, order = occurrence.opv, batch.house.stage_order
    if opv.status == "open" and order.get(action.advance, -1) <= order.get(opv.stage, -1):
        return _skipped("already_there", f"the OPV is already in {opv.stage}")
    origin = opv.stage
    try:
        seq = move_stage(_acting(occurrence, batch), action.advance, automation=occurrence.automation)
    except Reject as refused:
        return _skipped(refused.reason, refused.detail)
    return {"result": "done", "from": origin, "to": action.advance, "seq": seq}


def _comment(action: Comment, occurrence: Occurrence, batch: Batch) -> dict[str, Any]:
    seq = comment(_acting(occurrence, batch), action.comment, automation=occurrence.automation)
    return {"result": "done", "seq": seq}


def _withdraw(options: WithdrawOptions, occurrence: Occurrence, batch: Batch) -> dict[str, Any]:
    try:
        seq = withdraw(
            _acting(occurrence, batch), options.reason, options.remarks,
            sub_reason=options.sub_reason, automation=occurrence.automation,
        )  # fmt: skip
    except Reject as refused:
        return {"result": "skipped", "because": refused.detail}
    return {"result": "done", "seq": seq}


def _acting(occurrence: Occurrence, batch: Batch) -> Acting:
    return Acting(occurrence.tx, batch, occurrence.opv, occurrence.cause)


def _notify(action: Notify, index: int, occurrence: Occurrence, batch: Batch) -> dict[str, Any]:
    opv = occurrence.opv
    recipients = _recipients(action.notify, opv, batch)
    if not recipients:
        return _skipped("nobody_to_tell", f"the OPV has no {action.notify}")
    for person in recipients:
        batch.rows["outbound_messages"].append(
            {
                "id": new_id(), "target": "log", "kind": "notice", "recipient": person, "opportunity_id": opv.id,
                "idempotency_key": f"{occurrence.automation}:{opv.id}:{occurrence.name}:{index}:{person}",
                "body": history.text_of({"opv": opv.number, "automation": occurrence.automation}),
                "state": "pending", "reason": None, "created_at": batch.now, "sent_at": None,
                "due_at": batch.now,
            }
        )  # fmt: skip
        data = {"to": person, "automation": occurrence.automation}
        batch.record(opv, history.NOTICE_QUEUED, occurrence.cause, data)
    batch.woken.add("outbound")
    return {"result": "done", "to": recipients}


def _recipients(who: str, opv: Opv, batch: Batch) -> list[str]:
    people = batch.house.roster.people
    if who == "directors":
        return [p.key for p in people.values() if p.role == "director" and p.active]
    person = {"broker": opv.broker, "manager": opv.manager}.get(who, who)
    return [person] if person and batch.house.roster.is_active(person) else []


def _redistribute(occurrence: Occurrence, batch: Batch, waiting: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    opv = occurrence.opv
    if opv.status != "open":
        return _skipped("opv_closed", "the OPV is closed")
    waiting[opv.id] = waiting_row(opv.id, batch.now, exclude=opv.broker, cause=occurrence.cause)
    data = {"automation": occurrence.automation, "broker": opv.broker}
    seq = batch.record(opv, history.REDISTRIBUTION_ASKED, occurrence.cause, data)
    return {"result": "done", "seq": seq}


def _skipped(reason: str, because: str) -> dict[str, Any]:
    """Nothing was done: the code of the rule that says so, which everybody may read, and its sentence."""
    return {"result": "skipped", "reason": reason, "because": because}

"""What may be done to an OPV, by people and automations alike. Each action works on the batch under the OPV's lock,
and refuses with a `Reject` (a reason code and a sentence) before it changes anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection

from opv import history
from opv.access import Viewer, leads
from opv.batch import Batch, Cause, Opv
from opv.clients.involved import is_involved
from opv.distribution.assign import assign
from opv.distribution.waiting import waiting_row
from opv.roster import Place, Roster
from opv.sales.asking import ask_process
from opv.sales.button import check_button
from opv.sales.sale import Sale, close_as_won, served_by
from schemas.errors import Reject

ContactKind = Literal["call", "whatsapp", "email", "visit"]

TRANSFER_RULE = "transfer"
"""Stands where a rule's key would in a decision that a person took."""


@dataclass(slots=True)
class Acting:
    """An OPV under lock in the unit of work `tx`, and who acts: `viewer` is None for an automation. `waiting` takes the
    OPV when it needs a broker; `off_list` says that it no longer waits for one."""

    tx: Connection
    batch: Batch
    opv: Opv
    cause: Cause
    viewer: Viewer | None = None
    waiting: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    off_list: bool = False


def comment(at: Acting, text: str, **data: Any) -> int:
    """Writes a comment into the history; gives the entry's `seq`, as all actions do. Closed OPVs take comments too."""
    if not text.strip():
        raise Reject("empty_text", "a comment says something", 422)
    return at.batch.record(at.opv, history.COMMENT_ADDED, at.cause, data, {"text": text})


def contact(
    at: Acting,
    kind: ContactKind,
    *,
    place: str | None = None,
    outcome: str | None = None,
    text: str | None = None,
    client: UUID | None = None,
) -> int:
    """Notes a contact with the client (`client`: which of the OPV's, when it is not the main one); the first one is the
    OPV's first response. `place` is that of a visit."""
    if place and kind != "visit":
        raise Reject("place_without_visit", "only a visit has a place", 422)
    said = {"place": place, "outcome": outcome, "text": text}
    first = at.opv.first_contact_at is None
    data: dict[str, Any] = {"contact": kind, "first": first}
    if client is not None:
        if not is_involved(at.tx, at.opv.id, client):
            raise Reject("unknown_client", "this client is not involved in the OPV", 422)
        data["client"] = str(client)
    if first:
        at.opv.first_contact_at = at.batch.now
    return at.batch.record(at.opv, history.CONTACT_ADDED, at.cause, data, {k: v for k, v in said.items() if v})


def move_stage(at: Acting, stage: str, **data: Any) -> int:
    """Moves the OPV into another stage of its funnel, forward or back."""
    known = at.batch.house.stage_order
    if stage not in known:
        raise Reject("unknown_stage", f"there is no stage {stage}; there is: {', '.join(known)}", 422)
    _open(at.opv)
    if at.opv.stage == stage:
        raise Reject("same_stage", f"the OPV is already in {stage}", 409)
    return at.batch.move(at.opv, stage, at.cause, data)


def transfer(
    at: Acting, reason: str, *, broker: str | None = None, team: str | None = None, manager: str | None = None
) -> int:
    """Gives the OPV to another broker, or to a team's manager when no broker is named."""
    _open(at.opv)
    if not reason.strip():
        raise Reject("reason_missing", "a transfer needs a reason", 422)
    place = _place(at.batch.house.roster, broker, team, manager)
    if at.viewer is not None and not leads(at.viewer, at.batch.house, place.manager, broker):
        raise Reject("not_allowed", "managers transfer among those they lead, directors to all, brokers not", 403)
    if (at.opv.broker, at.opv.manager, at.opv.team) == (broker, place.manager, place.team):
        raise Reject("same_assignment", "the OPV is already with them", 409)
    at.off_list = True
    at.waiting.clear()
    return assign(
        at.batch, at.opv, at.cause, place, broker,
        rule=TRANSFER_RULE, explanation={"by": at.cause.actor, "previous": at.opv.broker}, content={"reason": reason},
    )  # fmt: skip


def withdraw(at: Acting, reason: str, remarks: str | None = None) -> int:
    """Closes the OPV as lost, for a reason of the configuration."""
    known = {one.key: one for one in at.batch.house.configuration.withdrawal_reasons}
    if reason not in known:
        raise Reject("unknown_withdrawal_reason", f"there is no reason {reason}; there is: {', '.join(known)}", 422)
    _open(at.opv)
    if known[reason].needs_remarks and not (remarks and remarks.strip()):
        raise Reject("remarks_missing", f"the reason {reason} needs remarks", 422)
    content = {"remarks": remarks} if remarks else None
    seq = _close(at, "lost", history.WITHDRAWN, {"reason": reason, "stage": at.opv.stage}, content)
    at.batch.rows["withdrawals"].append(
        {"reason": reason, "stage": at.opv.stage, "opportunity_id": at.opv.id, "seq": seq, "at": at.batch.now,
         "development": at.opv.development, **served_by(at.opv)}
    )  # fmt: skip
    return seq


def reopen(at: Acting) -> int:
    """Opens a withdrawn OPV again, in the stage that it was in; one without an active broker waits for one."""
    if at.opv.status != "lost":
        raise Reject("not_withdrawn", f"only a withdrawn OPV is reopened, this one is {at.opv.status}", 409)
    at.opv.status = "open"
    seq = at.batch.record(at.opv, history.REOPENED, at.cause, {"stage": at.opv.stage})
    at.batch.enter_stage(at.opv, seq)
    if at.opv.broker is None or not at.batch.house.roster.is_active(at.opv.broker):
        at.waiting[at.opv.id] = waiting_row(at.opv.id, at.batch.now)
    return seq


def win(at: Acting, value: Decimal, unit: str, sold_on: date) -> int:
    """Wins the sale, as configured: closes the OPV as sold, or asks the sales module for a process, which says later
    what came of it. `value` in reais, the unit sold, and the day."""
    check_button(at.batch.house, at.viewer)
    _open(at.opv)
    sale = Sale.checked(value, unit, sold_on, at.batch.now.astimezone(at.batch.house.zone).date())
    if at.batch.house.configuration.won_sale.mode == "documentation":
        return ask_process(at.tx, at.batch, at.opv, at.cause, sale)
    at.off_list = True
    at.waiting.clear()
    return close_as_won(at.batch, at.opv, at.cause, sale)


def _close(at: Acting, status: str, kind: str, data: dict[str, Any], content: dict[str, Any] | None) -> int:
    at.opv.status = status
    at.off_list = True
    at.waiting.clear()
    return at.batch.record(at.opv, kind, at.cause, data, content)


def _open(opv: Opv) -> None:
    if opv.status != "open":
        raise Reject("opv_closed", "the OPV is closed", 409)


def _place(roster: Roster, broker: str | None, team: str | None, manager: str | None) -> Place:
    """Where the OPV goes: the one place that fits all that is named."""
    if not (broker or team or manager):
        raise Reject("nobody_named", "name a broker, a manager or a team", 422)
    for person, role in ((broker, "broker"), (manager, "manager")):
        if person is not None and not (roster.is_active(person) and roster.people[person].role == role):
            raise Reject(f"unknown_{role}", f"there is no active {role} {person}", 422)
    if team is not None and team not in roster.teams:
        raise Reject("unknown_team", f"there is no team {team}", 422)
    places = roster.places(broker) if broker else roster.led()
    fitting = [p for p in places if team in (None, p.team) and manager in (None, p.manager)]
    if broker and not (team or manager) and not fitting:
        return Place(None, None)
    if not fitting:
        raise Reject("not_in_team", "no team has these people together", 422)
    if not broker and manager is None and len({p.manager for p in fitting}) > 1:
        raise Reject("manager_needed", f"team {team} has several managers: name one", 422)
    return fitting[0]

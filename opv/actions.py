"""What may be done to an OPV, by people and automations alike. Each action works on the batch under the OPV's lock,
and refuses with a `Reject` (a reason code and a sentence) before it changes anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection

from opv import history
from opv.access import Viewer, leads, over
from opv.batch import Batch, Cause, Opv
from opv.clients.involved import is_involved
from opv.distribution.assign import assign
from opv.distribution.waiting import waiting_row
from opv.funnel import check_move, check_mover
from opv.holdings import held_by
from opv.roster import Place, Roster
from opv.sales.asking import ask_process
from opv.sales.button import check_button
from opv.sales.sale import Sale, close_as_won, served_by
from opv.withdrawals import chosen
from schemas.config import Stage
from schemas.errors import Reject

ContactKind = Literal["call", "whatsapp", "email", "visit"]

TRANSFER_RULE = "transfer"
"""Stands where a rule's key would in a decision that a person took."""

_CLOCKS_DIFFER = timedelta(minutes=1)
"""How far the clock of who tells a time may be ahead of ours."""


@dataclass(slots=True)
class Acting:
    """An OPV under lock in the unit of work `tx`, and who acts: `viewer` is None for an automation. `waiting` takes the
    OPV when it needs a broker; `off_list` says that it no longer waits for one, `relisted` what its row on the list
    is to say from now on."""

    tx: Connection
    batch: Batch
    opv: Opv
    cause: Cause
    viewer: Viewer | None = None
    waiting: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    off_list: bool = False
    relisted: dict[str, Any] | None = None

    @property
    def role(self) -> str | None:
        """Of the person who acts; None for an automation."""
        return self.viewer.role if self.viewer else None

    def require_open(self) -> None:
        """Raises `Reject` when the OPV is closed."""
        _open(self.opv)


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
    when: datetime | None = None,
    missed: bool = False,
) -> int:
    """Notes a contact with the client (`client`: which of the OPV's, when it is not the main one); the first one that a
    person had is the OPV's first response. `place` is that of a visit. `when` it was, if not just now: a visit may be
    one to come, and then it is the agreement on it that counts; one that was earlier than the first contact known
    becomes the first. `missed`: the client did not come to the visit, which is no contact then."""
    if place and kind != "visit":
        raise Reject("place_without_visit", "only a visit has a place", 422)
    if missed and kind != "visit":
        raise Reject("missed_without_visit", "only a visit is missed", 422)
    scheduled = when is not None and when > at.batch.now + _CLOCKS_DIFFER
    if scheduled and kind != "visit":
        raise Reject("contact_in_future", f"a {kind} is noted once it was made; only a visit may be to come", 422)
    if scheduled and missed:
        raise Reject("missed_too_early", "a visit to come is not missed yet", 422)
    if scheduled and outcome:
        raise Reject("outcome_too_early", "a visit to come has no outcome yet", 422)
    said = {"place": place, "outcome": outcome, "text": text}
    had_at = max(at.opv.created_at, min(when or at.batch.now, at.batch.now))
    known = at.opv.first_contact_at
    first = at.viewer is not None and not missed and (known is None or had_at < known)
    data: dict[str, Any] = {"contact": kind, "first": first, **({"missed": True} if missed else {})}
    if when is not None:
        data |= {"at": history.stamp(when), **({"scheduled": True} if scheduled else {})}
    if client is not None:
        if not is_involved(at.tx, at.opv.id, client):
            raise Reject("unknown_client", "this client is not involved in the OPV", 422)
        data["client"] = str(client)
    if first:
        at.opv.first_contact_at = had_at
    return at.batch.record(at.opv, history.CONTACT_ADDED, at.cause, data, {k: v for k, v in said.items() if v})


def move_stage(at: Acting, stage: str, status: str | None = None, **data: Any) -> int:
    """Moves the OPV into another stage, forward or back, as the funnel's rules allow; with the `status` of that stage,
    its first one if none is named."""
    known = at.batch.house.stages
    if stage not in known:
        raise Reject("unknown_stage", f"there is no stage {stage}; there is: {', '.join(known)}", 422)
    if status is not None:
        _check_status(known[stage], status)
    _open(at.opv)
    if at.opv.stage == stage:
        raise Reject("same_stage", f"the OPV is already in {stage}", 409)
    check_move(at.batch.house, at.opv, stage, at.role, lambda: held_by(at.tx, at.batch, at.opv))
    return at.batch.move(at.opv, stage, at.cause, data, status)


def change_stage(at: Acting, stage: str | None, status: str | None) -> int:
    """Moves the OPV, or changes its status within the stage when no stage is named."""
    if stage is not None:
        return move_stage(at, stage, status)
    if status is not None:
        return set_status(at, status)
    raise Reject("nothing_named", "name a stage, a status or both", 422)


def set_status(at: Acting, status: str, **data: Any) -> int:
    """Gives the OPV another status of the stage that it is in; who may move it there may do so."""
    opv, stage = at.opv, at.batch.house.stages.get(at.opv.stage)
    if stage is None:
        raise Reject("unknown_status", f"{opv.stage} is no stage any more and has no statuses: move the OPV", 422)
    _check_status(stage, status)
    _open(opv)
    check_mover(stage, at.role)
    if opv.stage_status == status:
        raise Reject("same_status", f"the OPV is already {status}", 409)
    said = {"stage": opv.stage, "from": opv.stage_status, "to": status, **data}
    opv.stage_status = status
    return at.batch.record(opv, history.STATUS_CHANGED, at.cause, said)


def _check_status(stage: Stage, status: str) -> None:
    found = next((one for one in stage.statuses if one.key == status), None)
    if found is None:
        there = ", ".join(one.key for one in stage.statuses) or "none"
        raise Reject("unknown_status", f"{stage.key} has no status {status}; there is: {there}", 422)
    if not found.active:
        raise Reject("status_inactive", f"{status} is not in use any more: no OPV is given it", 409)


def transfer(
    at: Acting, reason: str, *, broker: str | None = None, team: str | None = None, manager: str | None = None
) -> int:
    """Gives the OPV to another broker, or to a team's manager when no broker is named. Managers give what they are over
    to those they lead, directors to all."""
    _open(at.opv)
    require_reason(reason)
    house, viewer = at.batch.house, at.viewer
    place = place_named(house.roster, broker, team, manager)
    if viewer is not None and not (over(viewer, house, at.opv) and leads(viewer, house, place.manager, broker)):
        raise Reject("not_allowed", "managers transfer among those they lead, directors to all, brokers not", 403)
    if (at.opv.broker, at.opv.manager, at.opv.team) == (broker, place.manager, place.team):
        raise Reject("same_assignment", "the OPV is already with them", 409)
    at.off_list = True
    at.waiting.clear()
    return assign(
        at.batch, at.opv, at.cause, place, broker,
        rule=TRANSFER_RULE, explanation={"by": at.cause.actor, "previous": at.opv.broker}, content={"reason": reason},
    )  # fmt: skip


def withdraw(
    at: Acting, reason: str | None, remarks: str | None = None, *, sub_reason: str | None = None, **data: Any
) -> int:
    """Closes the OPV as lost, for a reason of the configuration: the automatic one when none is named."""
    _open(at.opv)
    found = chosen(at.batch.house.configuration.withdrawal_reasons, at.opv.stage, reason, sub_reason, remarks)
    content = {"remarks": remarks} if remarks else None
    within = {"sub_reason": sub_reason} if sub_reason else {}
    said = {"reason": found.key, **within, "stage": at.opv.stage, **data}
    seq = _close(at, "lost", history.WITHDRAWN, said, content)
    at.batch.rows["withdrawals"].append(
        {"reason": found.key, "sub_reason": sub_reason, "stage": at.opv.stage, "opportunity_id": at.opv.id,
         "seq": seq, "at": at.batch.now, "development": at.opv.development, **served_by(at.opv)}
    )  # fmt: skip
    return seq


def reopen(at: Acting) -> int:
    """Opens a withdrawn OPV again, in the stage that it was in; one without an active broker waits for one. When that
    stage is gone, in the one that `moved` says, or else the first."""
    if at.opv.status != "lost":
        raise Reject("not_withdrawn", f"only a withdrawn OPV is reopened, this one is {at.opv.status}", 409)
    at.opv.status = "open"
    seq = at.batch.record(at.opv, history.REOPENED, at.cause, {"stage": at.opv.stage})
    house = at.batch.house
    if at.opv.stage in house.stages:
        at.batch.enter_stage(at.opv, seq)
    else:
        first = house.funnel_for(at.opv.development).stages[0].key
        seq = at.batch.move(at.opv, house.moved.get(at.opv.stage, first), at.cause, {"retired": True})
    if at.opv.broker is None or not house.roster.is_active(at.opv.broker):
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


def require_reason(reason: str) -> None:
    """Raises `Reject` when there is none."""
    if not reason.strip():
        raise Reject("reason_missing", "a transfer needs a reason", 422)


def require_broker(roster: Roster, broker: str, *roles: str) -> None:
    """Raises `Reject` when this is no active person of one of the roles (`broker`, if none is named)."""
    if not (roster.is_active(broker) and roster.has_role(broker, *(roles or ("broker",)))):
        raise Reject("unknown_broker", f"there is no active {' or '.join(roles or ('broker',))} {broker}", 422)


def place_named(roster: Roster, broker: str | None, team: str | None, manager: str | None, *roles: str) -> Place:
    """Where the OPV goes: the one place that fits all that is named. `roles`: those that the broker may have."""
    if not (broker or team or manager):
        raise Reject("nobody_named", "name a broker, a manager or a team", 422)
    if broker is not None:
        require_broker(roster, broker, *roles)
    if manager is not None and not (roster.is_active(manager) and roster.has_role(manager, "manager")):
        raise Reject("unknown_manager", f"there is no active manager {manager}", 422)
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

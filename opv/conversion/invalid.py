"""Leads that are none (wrong number, no such person): the broker says so, a manager or a rule of the configuration
confirms it. Then the broker's turn is given back and the OPV is withdrawn."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from db.models import Assignment, Decision
from db.session import AnyRow
from opv import history
from opv.actions import Acting, withdraw
from opv.conversion.asking import file_request
from opv.distribution.queues import Lane, lane_of, lock_queues, open_all, queue_key, write_queues
from opv.facts import CAPTURES, OpvFacts, newest
from opv.house import House
from schemas.conditions import Condition
from schemas.conversion import InvalidReason
from schemas.errors import Reject

KIND = "invalid"


def report_invalid(at: Acting, id_: UUID, because: InvalidReason, text: str | None) -> int:
    """Says that the OPV's lead is none; gives the entry's `seq`. Who serves it says so, in sales or in pre-sales. It is
    confirmed at once when `distribution.invalid_leads` has a rule for it, else asked for.

    Raises `Reject`: `opv_closed`, `not_allowed`, `request_open`, and what `withdraw` refuses with."""
    at.require_open()
    person = at.viewer.person if at.viewer else None
    if person is None or person not in (at.opv.broker, at.opv.presales_broker):
        raise Reject("not_allowed", "the OPV's broker says that its lead is invalid; others withdraw it", 403)
    said = {"reason": because, "text": text} if text else {"reason": because}
    seq = file_request(at, person, id_, KIND, None, history.INVALID_REPORTED, said)
    if _confirmed_by_rule(at):
        asked = at.batch.rows["transfer_requests"]
        asked[-1] = {**asked[-1], "state": "granted", "answered_at": at.batch.now}
        confirm(at, id_, person, None)
    return seq


def answer_invalid(at: Acting, asked: AnyRow, grant: bool, reason: str | None) -> int:
    """The answer to the request, whose row the caller writes; gives the entry's `seq`. Raises what `withdraw` does."""
    if grant:
        return confirm(at, asked.id, asked.asked_by, reason)
    return _record(at, history.INVALID_REFUSED, asked.id, asked.asked_by, reason)


def confirm(at: Acting, request: UUID, broker: str, reason: str | None) -> int:
    """The lead that the broker reported is none; gives the `seq` of the entry that says so."""
    seq = _record(at, history.INVALID_CONFIRMED, request, broker, reason)
    _give_turn_back(at, broker)
    withdraw(at, at.batch.house.configuration.distribution.invalid_leads.reason, request=str(request))
    return seq


def _confirmed_by_rule(at: Acting) -> bool:
    rule = at.batch.house.configuration.distribution.invalid_leads
    if rule.confirm != "rule":
        return False
    facts = OpvFacts(at.opv, newest(CAPTURES.rows(at.tx, opvs=[at.opv.id])))
    return Condition.read(rule.when)[0].test(facts).holds


def _record(at: Acting, kind: str, request: UUID, broker: str, reason: str | None) -> int:
    said = {"reason": reason} if reason else None
    return at.batch.record(at.opv, kind, at.cause, {"request": str(request), "broker": broker}, said)


def _give_turn_back(at: Acting, broker: str) -> None:
    """The queue that gave the OPV to the broker owes it a turn, if it still has the broker."""
    a, d = Assignment, Decision
    given = (
        select(d.queue, d.part)
        .join(a, a.decision_id == d.id)
        .where(a.opportunity_id == at.opv.id, a.broker == broker, a.part.in_(("sales", "presales")))
        .order_by(a.id.desc())
        .limit(1)
    )
    row = at.tx.execute(given).one_or_none()
    lane = _lane(at.batch.house, row.queue, row.part) if row is not None and row.queue else None
    if lane is None or broker not in lane.brokers:
        return
    lines = open_all([lane], lock_queues(at.tx, [lane], counted=False), (), {}, at.batch.house)
    lines[lane.key].turns.give_back(broker)
    write_queues(at.tx, lines, ())
    at.batch.record(at.opv, history.TURN_GIVEN_BACK, at.cause, {"queue": lane.key, "broker": broker})


def _lane(house: House, line: str, part: str) -> Lane | None:
    queue = house.queues.get(queue_key(line))
    if queue is None:
        return None
    lane = lane_of(queue, part, line.partition("@")[2], house)
    return lane if lane.key == line else None

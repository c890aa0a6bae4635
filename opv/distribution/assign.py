"""Giving an OPV to someone: the decision, the assignment and the history entry, whoever decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from db.ids import new_id
from opv import history
from opv.batch import Batch, Cause, Opv
from opv.distribution.notices import tell_assigned
from opv.roster import Place

NOWHERE = Place(None, None)

OtherPart = Literal["presales", "second"]
"""What may be assigned besides sales: pre-sales (pré-atendimento), and the broker whom the OPV is shared with."""


def assign(
    batch: Batch,
    opv: Opv,
    cause: Cause,
    place: Place,
    broker: str | None,
    *,
    rule: str,
    queue: str | None = None,
    explanation: Mapping[str, Any],
    content: dict[str, Any] | None = None,
    snapshot: str | None = None,
    until: datetime | None = None,
) -> int:
    """Gives the OPV to the broker (or to the place's manager, without one); `content` is the entry's personal part.
    Open transfer requests are void then. It is no longer shared with that very broker, nor with one who has left.
    `snapshot`: digest of the queue's members; `until`: when the broker is to have accepted it. The broker is told."""
    decision = decide(
        batch, opv, rule=rule, queue=queue, broker=broker, reason=None, explanation=explanation, snapshot=snapshot
    )
    second = opv.second_broker
    if second is not None and (second == broker or not batch.house.roster.is_active(second)):
        _put(batch, opv, cause, "second", NOWHERE, None, rule=rule, decision=decision)
    data = {"team": place.team, "manager": place.manager, "broker": broker, "rule": rule, "decision": str(decision)}
    if queue:
        data["queue"] = queue
    if until is not None:
        data["accept_until"] = history.stamp(until)
    data |= _before(opv)
    if opv.assigned_at is not None:
        batch.given_away.add(opv.id)
    opv.team, opv.manager, opv.broker, opv.assigned_at = place.team, place.manager, broker, batch.now
    _add_row(batch, opv, "sales", place, broker, decision)
    tell_assigned(batch, opv, decision, place, broker, until)
    seq = batch.record(opv, history.ASSIGNED, cause, data, content)
    batch.begin_expiry(opv, seq)
    return seq


def put_in_pool(batch: Batch, opv: Opv, cause: Cause, *, rule: str | None, queue: str, decision: UUID) -> int:
    """Nobody serves the OPV until somebody takes it out of the queue's pool."""
    data = {"queue": queue, "rule": rule, "decision": str(decision)}
    data |= _before(opv)
    if opv.broker or opv.manager:
        batch.given_away.add(opv.id)
        opv.team, opv.manager, opv.broker = None, None, None
        _add_row(batch, opv, "sales", NOWHERE, None, decision)
    return batch.record(opv, history.POOLED, cause, data)


def assign_part(
    batch: Batch,
    opv: Opv,
    cause: Cause,
    part: OtherPart,
    place: Place,
    broker: str | None,
    *,
    rule: str,
    explanation: Mapping[str, Any],
    content: dict[str, Any] | None = None,
    queue: str | None = None,
    snapshot: str | None = None,
) -> int:
    """Gives a part of the OPV to the broker, or, without one, to the place's manager (pre-sales) or to nobody. The
    history entry says which `part`; automations, which wait for a broker in sales, do not hear of it."""
    explained = {"part": part, **explanation}
    decision = decide(
        batch, opv, rule=rule, queue=queue, broker=broker, reason=None, explanation=explained, snapshot=snapshot,
        part=part,
    )  # fmt: skip
    return _put(batch, opv, cause, part, place, broker, rule=rule, decision=decision, content=content)


def _put(
    batch: Batch,
    opv: Opv,
    cause: Cause,
    part: OtherPart,
    place: Place,
    broker: str | None,
    *,
    rule: str,
    decision: UUID,
    content: dict[str, Any] | None = None,
) -> int:
    data = {"part": part, "team": place.team, "manager": place.manager, "broker": broker}
    data |= {"rule": rule, "decision": str(decision)}
    previous = opv.presales_broker if part == "presales" else opv.second_broker
    if previous:
        data["previous"] = previous
    if part == "presales":
        opv.presales_team, opv.presales_manager, opv.presales_broker = place.team, place.manager, broker
        tell_assigned(batch, opv, decision, place, broker, None, part)
    else:
        opv.second_broker = broker
    _add_row(batch, opv, part, place, broker, decision)
    return batch.record(opv, history.ASSIGNED, cause, data, content, heard=False)


def _before(opv: Opv) -> dict[str, str]:
    """Who had it until now."""
    had = {"previous": opv.broker, "previous_manager": opv.manager, "previous_team": opv.team}
    return {name: key for name, key in had.items() if key}


def _add_row(batch: Batch, opv: Opv, part: str, place: Place, broker: str | None, decision: UUID) -> None:
    batch.rows["assignments"].append(
        {
            "id": new_id(), "opportunity_id": opv.id, "decision_id": decision, "team": place.team,
            "manager": place.manager, "broker": broker, "since": batch.now, "part": part,
        }
    )  # fmt: skip


def decide(
    batch: Batch,
    opv: Opv,
    *,
    rule: str | None,
    queue: str | None,
    broker: str | None,
    reason: str | None,
    explanation: Mapping[str, Any],
    snapshot: str | None = None,
    part: str = "sales",
) -> UUID:
    """Adds a decision's row; gives its id."""
    id_ = new_id()
    batch.rows["decisions"].append(
        {
            "id": id_, "opportunity_id": opv.id, "at": batch.now, "config_version": batch.house.version,
            "rule": rule, "queue": queue, "broker": broker, "reason": reason,
            "explanation": history.text_of(explanation), "part": part, "snapshot": snapshot,
        }
    )  # fmt: skip
    return id_

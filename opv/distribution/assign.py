"""Giving an OPV to someone: the decision, the assignment and the history entry, whoever decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from db.ids import new_id
from opv import history
from opv.batch import Batch, Cause, Opv
from opv.roster import Place


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
) -> int:
    """Gives the OPV to the broker (or to the place's manager, without one); `content` is the entry's personal part."""
    decision = decide(batch, opv, rule=rule, queue=queue, broker=broker, reason=None, explanation=explanation)
    data = {"team": place.team, "manager": place.manager, "broker": broker, "rule": rule, "decision": str(decision)}
    if queue:
        data["queue"] = queue
    if opv.broker:
        data["previous"] = opv.broker
    opv.team, opv.manager, opv.broker, opv.assigned_at = place.team, place.manager, broker, batch.now
    batch.rows["assignments"].append(
        {
            "id": new_id(), "opportunity_id": opv.id, "decision_id": decision, "team": place.team,
            "manager": place.manager, "broker": broker, "since": batch.now,
        }
    )  # fmt: skip
    return batch.record(opv, history.ASSIGNED, cause, data, content)


def decide(
    batch: Batch,
    opv: Opv,
    *,
    rule: str | None,
    queue: str | None,
    broker: str | None,
    reason: str | None,
    explanation: Mapping[str, Any],
) -> UUID:
    """Adds a decision's row; gives its id."""
    id_ = new_id()
    batch.rows["decisions"].append(
        {
            "id": id_, "opportunity_id": opv.id, "at": batch.now, "config_version": batch.house.version,
            "rule": rule, "queue": queue, "broker": broker, "reason": reason,
            "explanation": history.text_of(explanation),
        }
    )  # fmt: skip
    return id_

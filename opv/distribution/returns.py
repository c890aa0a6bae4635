"""What comes of an OPV that its broker, or all who were offered it, let wait: it goes to the next broker, to the
manager, into the pool, to a named person, or it stays and somebody is told."""

from __future__ import annotations

from typing import Any

from opv import history
from opv.batch import Batch, Cause, Opv
from opv.distribution.assign import assign, assign_part, decide, put_in_pool
from opv.distribution.notices import tell
from opv.distribution.waiting import POOL, WAITING
from opv.roster import Place
from schemas.config import Terms

RETURN_RULE = "return"
"""Stands where a rule's key would in a decision that a return took."""


def way_back(terms: Terms, hops: int) -> str:
    """What comes of an OPV that returns now and did so `hops` times before."""
    return terms.otherwise if hops < terms.hops else terms.then


def give_back(
    batch: Batch, opv: Opv, cause: Cause, terms: Terms, because: str, *, hops: int, line: str | None, tried: list[str]
) -> dict[str, Any] | None:
    """Takes the OPV from its broker on the terms: gives what the row on the list is to say, or None when nothing waits
    any more. With `next`, it stays with the broker until another one is found."""
    broker, way = opv.broker, way_back(terms, hops)
    data = {"broker": broker, "because": because, "hop": hops + 1, "otherwise": way}
    seq = batch.record(opv, history.RETURNED, cause, data)
    told = [person for person in (broker, opv.manager) if person]
    tell(batch, opv, history.RETURNED, told, batch.house.configuration.notices.returned, f"{opv.id}:{seq}")
    if terms.rescue and broker is not None and way != "alert":
        explanation = {"because": "rescue", "previous": broker}
        place = batch.house.roster.place(broker)
        assign_part(batch, opv, cause, "second", place, broker, rule=RETURN_RULE, explanation=explanation)
    if way == "next":
        batch.woken.add("distribution")
        left_out = [*(key for key in tried if key != broker), *([broker] if broker else [])]
        return {
            "state": WAITING, "due_at": batch.now, "since": batch.now, "reason": None, "broker": None, "rule": None,
            "queue": line, "hops": hops + 1, "exclude": ",".join(left_out),
        }  # fmt: skip
    return send_to(batch, opv, cause, way, because, line=line)


def send_to(batch: Batch, opv: Opv, cause: Cause, way: str, because: str, *, line: str | None) -> dict[str, Any] | None:
    """Sends the OPV the way that is no next broker; as `give_back`."""
    explanation = {"because": because, "otherwise": way}
    roster = batch.house.roster
    if way == "alert":
        return None
    if way == "pool" and line is not None:
        decision = decide(batch, opv, rule=RETURN_RULE, queue=line, broker=None, reason=POOL, explanation=explanation)
        put_in_pool(batch, opv, cause, rule=RETURN_RULE, queue=line, decision=decision)
        return {
            "state": POOL, "due_at": None, "since": batch.now, "reason": POOL, "broker": None, "rule": None,
            "queue": line, "exclude": None,
        }  # fmt: skip
    place, person = _place(batch, opv, way)
    if roster.has_role(person or "", "broker") and roster.is_active(person or ""):
        assign(batch, opv, cause, place, person, rule=RETURN_RULE, queue=line, explanation=explanation)
    else:
        assign(batch, opv, cause, place, None, rule=RETURN_RULE, queue=line, explanation=explanation)
    return None


def _place(batch: Batch, opv: Opv, way: str) -> tuple[Place, str | None]:
    """Where it goes: to the OPV's manager (without one, that of the development's first team), or to the person called
    `way`."""
    roster = batch.house.roster
    if way not in ("manager", "pool"):
        led = next((one for one in roster.led() if one.manager == way), None)
        return led or roster.place(way), way
    if opv.manager is not None:
        return Place(opv.team, opv.manager), None
    development = batch.house.catalog.developments.get(opv.development or "")
    teams = development.teams if development else []
    fitting = [one for one in roster.led() if one.team in teams] or roster.led()
    return next(iter(fitting), Place(None, None)), None

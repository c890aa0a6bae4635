"""What comes of an OPV that its broker, or all who were offered it, let wait: it goes to the next broker, to the
manager, into the pool, to a named person, or it stays and somebody is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opv import history
from opv.batch import Batch, Cause, Opv
from opv.distribution.assign import assign, assign_part, decide, put_in_pool
from opv.distribution.desk import accept_of
from opv.distribution.notices import tell
from opv.distribution.queues import queue_key
from opv.distribution.waiting import POOL, WAITING
from opv.house import House
from opv.roster import Place
from schemas.config import Accept, Terms

RETURN_RULE = "return"
"""Stands where a rule's key would in a decision that a return took."""


def terms_of(house: House, work: Any) -> Accept | None:
    """On which terms the broker of a row of the list is to accept; None when the configuration no longer asks it."""
    queue = house.queues.get(queue_key(work.queue)) if work.queue else None
    return accept_of(house.ways.get(work.rule), queue)


def way_back(terms: Terms, hops: int) -> str:
    """What comes of an OPV that returns now and did so `hops` times before."""
    return terms.otherwise if hops < terms.hops else terms.then


def give_back(
    batch: Batch,
    opv: Opv,
    cause: Cause,
    terms: Terms,
    because: str,
    *,
    hops: int,
    line: str | None,
    tried: Sequence[str],
    said: str | None = None,
) -> dict[str, Any] | None:
    """Takes the OPV from its broker on the terms: gives what the row on the list is to say, or None when nothing waits
    any more. With `next`, it stays with the broker until another one is found. `said`: the broker's words."""
    broker, way = opv.broker, way_back(terms, hops)
    data = {"broker": broker, "because": because, "hop": hops + 1, "otherwise": way}
    seq = batch.record(opv, history.RETURNED, cause, data, {"reason": said} if said else None)
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


def send_to(
    batch: Batch, opv: Opv, cause: Cause, way: str, because: str, *, line: str | None, part: str = "sales"
) -> dict[str, Any] | None:
    """Sends the OPV (a part of it) the way that is no next broker; as `give_back`."""
    explanation = {"because": because, "otherwise": way}
    if way == "alert":
        return None
    if way == "pool" and line is not None:
        decision = decide(batch, opv, rule=RETURN_RULE, queue=line, broker=None, reason=POOL, explanation=explanation)
        put_in_pool(batch, opv, cause, rule=RETURN_RULE, queue=line, decision=decision)
        return {
            "state": POOL, "due_at": None, "since": batch.now, "reason": POOL, "broker": None, "rule": None,
            "queue": line, "exclude": None,
        }  # fmt: skip
    roster = batch.house.roster
    broker = way if roster.is_active(way) and roster.has_role(way, "broker", part) else None
    place = roster.place(broker) if broker else managed(batch, opv, way)
    told: dict[str, Any] = {"rule": RETURN_RULE, "queue": line, "explanation": explanation}
    if part == "presales":
        assign_part(batch, opv, cause, "presales", place, broker, **told)
    else:
        assign(batch, opv, cause, place, broker, **told)
    return None


def managed(batch: Batch, opv: Opv, way: str) -> Place:
    """Whose it is without a broker: the person's called `way`, or else the OPV's manager's; without one, that of the
    development's first team."""
    roster = batch.house.roster
    if roster.is_active(way):
        return next((one for one in roster.led() if one.manager == way), Place(None, way))
    if opv.manager is not None:
        return Place(opv.team, opv.manager)
    development = batch.house.catalog.developments.get(opv.development or "")
    teams = development.teams if development else []
    fitting = [one for one in roster.led() if one.team in teams] or roster.led()
    return next(iter(fitting), Place(None, None))

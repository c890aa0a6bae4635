"""The desk where OPVs are given out: one decision after the other, on what is in memory, explained. The step and the
simulation sit at the same desk; it writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from opv.distribution import loads
from opv.distribution.gates import Gates
from opv.distribution.queues import Lane, Open
from opv.distribution.rules import RuleFound, Waits
from opv.house import CheckedRule, House
from opv.roster import Place
from schemas.config import Accept, Queue
from schemas.duration import Duration


class Case(Waits, Protocol):
    """What is to be decided: an OPV's row on the list."""

    @property
    def exclude(self) -> str | None: ...


class Placed(Protocol):
    """The OPV, as the desk sees it."""

    @property
    def id(self) -> UUID: ...
    @property
    def client_id(self) -> UUID: ...
    @property
    def development(self) -> str | None: ...


@dataclass(slots=True)
class Ruling:
    """What is to be done with an OPV. `give`: to `broker` (a manager, when the place says so and `broker` is None), who
    has until `until` to accept it, if that is set; `offer` to the brokers of the line until `until`; leave it in the
    line's `pool`; or it `waits`, for `reason`, and is asked for again at `until` (None: when the configuration
    changes)."""

    kind: Literal["give", "offer", "pool", "wait"]
    rule: str | None
    explanation: dict[str, Any]
    broker: str | None = None
    place: Place = field(default_factory=lambda: Place(None, None))
    line: str | None = None
    until: datetime | None = None
    reason: str | None = None
    snapshot: str | None = None


def tried_of(case: Case) -> list[str]:
    """Brokers who are to be left out: who has it now last."""
    return [key for key in (case.exclude or "").split(",") if key]


class Desk:
    """Decides at `gates.now`. `lines`: those of the cases' lanes, under their locks."""

    def __init__(self, house: House, gates: Gates, lines: Mapping[str, Open]) -> None:
        self._house = house
        self._gates = gates
        self._lines = lines
        self.used: set[str] = set()
        """Lines that a decision speaks of, whose members are to be kept as they were."""

    def decide(self, case: Case, opv: Placed, found: RuleFound, lanes: Sequence[Lane]) -> Ruling:
        """Decides the case by the rule found; `lanes`: those of the rule's queues, in order."""
        explanation: dict[str, Any] = {"rules": found.tried}
        if found.rule is None:
            return Ruling("wait", None, explanation, reason="no_rule")
        rule = found.rule.rule
        if found.person is not None:
            return self._give(found.rule, found.person, None, explanation, None)
        reasons: list[dict[str, Any]] = []
        until: datetime | None = None
        for lane in lanes:
            line = self._lines[lane.key]
            if line.paused:
                reasons.append({"queue": lane.key, "because": "queue_paused"})
                continue
            line.ask(self._gates)
            self.used.add(lane.key)
            open_to_all = lane.queue.strategy in ("first_to_claim", "manual")
            ruling = self._show(case, opv, found.rule, line, explanation, reasons) if open_to_all else None
            ruling = ruling or (None if open_to_all else self._pick(case, opv, found.rule, line, explanation, reasons))
            if ruling is not None:
                if reasons:
                    ruling.explanation["fell_back"] = reasons
                return ruling
            until = min(until or line.standing.until, line.standing.until)
        own = reasons[0] if reasons else {"because": "no_broker"}
        first = own["because"]
        explanation |= {name: value for name, value in own.items() if name not in ("because", "snapshot")}
        if reasons[1:]:
            explanation["fell_back"] = reasons[1:]
        left_out = any(one["because"] == "all_left_out" for one in reasons)
        due = until if left_out and self._may_change(lanes) else None
        line_key, used = (lanes[0].key, lanes[0].key in self.used) if lanes else (None, False)
        snapshot = self._lines[lanes[0].key].snapshot["digest"] if used else None
        return Ruling("wait", rule.key, explanation, line=line_key, until=due, reason=first, snapshot=snapshot)

    def _may_change(self, lanes: Sequence[Lane]) -> bool:
        """Whether somebody who is left out may not be so later, without the configuration changing."""
        fixed = {"inactive", "not_a_broker", "not_a_presales", "no_creci", "skills"}
        return any(
            closed is None or closed.reason not in fixed
            for lane in lanes
            if lane.key in self.used
            for closed in self._lines[lane.key].standing.closed.values()
        )

    def _show(
        self, case: Case, opv: Placed, checked: CheckedRule, line: Open, explanation: dict[str, Any],
        reasons: list[dict[str, Any]],
    ) -> Ruling | None:  # fmt: skip
        """Offers the OPV to all of the line, or leaves it in its pool."""
        queue, key = line.lane.queue, line.lane.key
        if not line.lane.brokers:
            reasons.append({"queue": key, "because": "no_broker"})
            return None
        rule, digest = checked.rule.key, line.snapshot["digest"]
        if queue.strategy == "manual":
            explanation["queue"] = key
            return Ruling("pool", rule, explanation, line=key, reason="pool", snapshot=digest)
        gate = self._gates.of_lead(opv.client_id, tried_of(case), queue, checked.rule.skills)
        asked = {broker: gate(broker) for broker, closed in line.standing.closed.items() if closed is None}
        told = [{"broker": broker, "because": closed.reason} for broker, closed in asked.items() if closed is not None]
        if len(told) == len(asked):
            reasons.append({"queue": key, "excluded": told, "because": "all_left_out", "snapshot": digest})
            return None
        explanation |= {"queue": key, "excluded": told}
        until = self._gates.now + Duration.parse(queue.offer.for_).span
        return Ruling("offer", rule, explanation, line=key, until=until, reason="offered", snapshot=digest)

    def _pick(
        self, case: Case, opv: Placed, checked: CheckedRule, line: Open, explanation: dict[str, Any],
        reasons: list[dict[str, Any]],
    ) -> Ruling | None:  # fmt: skip
        """Gives the OPV to whose turn it is."""
        lane, closed = line.lane, line.standing.closed
        gate = self._gates.of_lead(opv.client_id, tried_of(case), lane.queue, checked.rule.skills)
        pick = line.turns.pick(lambda broker: closed.get(broker) or gate(broker))
        told = {
            "queue": lane.key,
            "turn": pick.turn,
            "excluded": [{"broker": b, "because": r} for b, r in pick.excluded if closed.get(b) is None],
        }
        if pick.missed:
            told["missed"] = [{"broker": b, "because": r} for b, r in pick.missed]
        if pick.broker is None:
            digest = line.snapshot["digest"]
            reasons.append({**told, "because": "all_left_out" if lane.brokers else "no_broker", "snapshot": digest})
            return None
        if lane.queue.strategy != "round_robin":
            told["strategy"] = lane.queue.strategy
        told |= {"before": list(pick.before), "after": list(pick.after)}
        if pick.team is not None:
            told["team"] = pick.team
        return self._give(checked, pick.broker, line, explanation | told, lane)

    def _give(
        self, checked: CheckedRule, person: str, line: Open | None, explanation: dict[str, Any], lane: Lane | None
    ) -> Ruling:
        roster = self._house.roster
        teams = lane.teams if lane else ()
        place = roster.place(person, teams)
        broker: str | None = person
        if roster.has_role(person, "manager", "director"):
            place = next((one for one in roster.led() if one.manager == person), Place(None, person))
            broker = None
        else:
            loads.add(self._gates.loads, person, self._gates.now)
            for one in self._lines.values():
                one.turns.loaded(person)
        terms = accept_of(checked, lane.queue if lane else None)
        until = None
        if terms is not None and broker is not None:
            until = self._house.duty.working_time(broker).add(self._gates.now, Duration.parse(terms.within))
        return Ruling(
            "give", checked.rule.key, explanation, broker=broker, place=place, line=lane.key if lane else None,
            until=until, snapshot=line.snapshot["digest"] if line else None,
        )  # fmt: skip


def accept_of(checked: CheckedRule | None, queue: Queue | None) -> Accept | None:
    """The terms on which a broker is given an OPV by the rule, from the queue."""
    if checked is not None and checked.rule.accept is not None:
        return checked.rule.accept
    return queue.accept if queue is not None else None

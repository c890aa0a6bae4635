"""Past leads at the desk again, with other rules: the clock moves from lead to lead, and whoever waits is asked for
again when its time has come."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, count
from uuid import UUID

from sqlalchemy import Connection

from opv.distribution.desk import Desk, Ruling
from opv.distribution.gates import Gates, Standing, is_capped
from opv.distribution.pickers import Load
from opv.distribution.queues import Lane, Open, lane_of, open_all
from opv.distribution.rules import find_rule
from opv.distribution.simulation import state
from opv.distribution.simulation.burden import Burden
from opv.distribution.simulation.past import Fate, PastLead, Served, count_leads, past_leads
from opv.distribution.simulation.presence import Presence
from opv.distribution.simulation.tally import Tally
from opv.distribution.simulation.why import why
from opv.distribution.waiting import first_part
from opv.facts import OpvFacts
from opv.house import House
from schemas.config import Caps, Queue, Rule
from schemas.errors import Reject
from schemas.simulation import Simulation

_CHANGES, _PENS, _DECISIONS = range(3)
"""The order of what comes at one moment."""

ENDED = "ended_before"
"""Of a lead that waited for so long that its OPV ended meanwhile."""


def simulate(
    tx: Connection, house: House, before: House, since: datetime, until: datetime, *, most: int | None = None
) -> Simulation:
    """Gives the leads created in the period out again, by the rules of `house`, in a unit of work that sees one moment
    (`Database.snapshot`); `before` is the house in force. Brokers accept what they are given, offers and pools are
    counted as such. Reads alone: PostgreSQL is told to refuse anything else.

    Raises `Reject` (422): `no_leads` in the period, `too_many_leads`, more than `most`."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("SET TRANSACTION READ ONLY")
    leads = count_leads(tx, since, until)
    if not leads:
        raise Reject("no_leads", "no lead came in the period: simulate a longer one", 422)
    if most is not None and leads > most:
        raise Reject("too_many_leads", f"{leads} leads came in the period, and at most {most} are simulated here", 422)
    replay = _Replay(tx, house, before, since)
    for page in past_leads(tx, since, until):
        replay.know(page.earlier)
        for lead in page.leads:
            replay.arrive(lead)
    replay.finish(until)
    if not replay.tally.leads:
        raise Reject("no_leads", "people gave all leads of the period by hand: simulate a longer one", 422)
    return replay.tally.result(since, until)


@dataclass(slots=True)
class _Case:
    """A lead on the list, in one part."""

    lead: PastLead
    part: str
    since: datetime
    facts: OpvFacts
    prefer: str | None
    prefer_at: datetime | None
    exclude: str | None = None
    reason: str = "undecided"
    lanes: Sequence[Lane] = ()
    """Where it waits; none when a rule named a person, who may be back next time."""


class _Replay:
    """Everything in memory, at the clock's moment."""

    def __init__(self, tx: Connection, house: House, before: House, since: datetime) -> None:
        self._house = house
        self.tally = Tally(house, before)
        people = house.roster.people
        queues = chain(house.queues.values(), (queue for rule in house.rules for queue in rule.queues))
        self._counted = any(is_capped(queue, house, people) for queue in queues)
        self._presence = Presence(house)
        self._pairs: set[tuple[UUID, str]] = set()
        self._paused: set[str] = set()
        self._burden = Burden(people, since, house.zone)
        loads = self._burden.loads if self._counted else {}
        self._gates = Gates(house, since, self._presence.said, self._pairs, loads)
        self._lines: dict[str, Open] = {}
        self._lines_of: dict[str, list[Open]] = defaultdict(list)
        self._empty: dict[str, tuple[Standing, bool]] = {}
        self._pens: dict[tuple[datetime, tuple[str, ...]], list[_Case]] = {}
        self._lanes: dict[tuple[str, str, str | None], Lane] = {}
        self._desk = Desk(house, self._gates, self._lines)
        self._turns = state.TurnsThen(tx, since)
        self._served: dict[UUID, list[Served]] = defaultdict(list)
        self._number = count()
        self._events: list[tuple[datetime, int, datetime, int, Callable[[], None]]] = []
        self._begin(tx, since)

    def know(self, earlier: dict[UUID, list[Served]]) -> None:
        """What clients had before the period."""
        for client, served in earlier.items():
            if client not in self._served:
                self._served[client] += served

    def arrive(self, lead: PastLead) -> None:
        """A lead comes on the list."""
        self._run(lead.moment)
        if lead.by_hand is not None:
            self._give_by_hand(lead, lead.by_hand)
        if not lead.fates:
            return
        for at, members in lead.seen:
            self._at(at, lambda members=members: self._see(members))  # type: ignore[misc] # bound early
        self._run(lead.moment)
        stages = self._house.funnel_for(lead.opv.development).stages
        part = first_part(self._house, stages[0].key)
        self._decide(self._case(lead, part, lead.opv.created_at, stages[0].key))
        if part == "presales" and lead.qualified_at is not None:
            at, stage = lead.qualified_at, next((one.key for one in stages if one.kind == "sales"), stages[0].key)
            self._at(at, lambda: self._decide(self._case(lead, "sales", at, stage)), since=at)

    def finish(self, until: datetime) -> None:
        """Lets the time run to the end of the period: who waits then has nobody."""
        self._run(until)
        waiting = [case for pen in self._pens.values() for case in pen]
        waiting += [event.case for *_, event in self._events if isinstance(event, _Retry)]
        for case in waiting:
            self._end(case, Fate(reason=case.reason), "")

    def _begin(self, tx: Connection, since: datetime) -> None:
        for row in state.pauses(tx):
            self._at(row.at, lambda queue=row.queue: self._paused.add(queue))  # type: ignore[misc] # bound early
        for at, pair in state.excluded_pairs(tx):
            self._at(at, lambda pair=pair: self._pairs.add(pair))  # type: ignore[misc] # bound early
        if not self._counted:
            return
        known = self._burden.loads
        held = [(row.broker, row.open, row.backlog) for row in state.held_then(tx, since)]
        self._burden.begin(held, state.given_before(tx, since, known.keys()))
        for row in state.ends_after(tx, since):
            if row.broker in known:
                self._ends(row.broker, row.at, row.first_contact_at)
        for row in state.contacts_after(tx, since):
            if row.broker in known:
                self._contact(row.broker, row.at)

    def _case(self, lead: PastLead, part: str, since: datetime, stage: str) -> _Case:
        opv = lead.opv
        known = [card for card in lead.captures if card.received_at <= self._gates.now] or lead.captures[:1]
        # Who is qualified in pre-sales waits for whoever comes, as `put_on_list` has it.
        prefer, prefer_at = self._owner(opv.client_id, opv.created_at) if since == opv.created_at else (None, None)
        return _Case(lead, part, since, OpvFacts(opv, known[-1] if known else None, stage), prefer, prefer_at)

    def _owner(self, client: UUID, at: datetime) -> tuple[str | None, datetime | None]:
        """The client's broker when the lead was captured, as `opv.capture` finds it."""
        served = [one for one in self._served.get(client, ()) if one.at <= at]
        if not served:
            return None, None
        open_ = [one for one in served if one.ended_at is None or one.ended_at > at]
        newest = max(open_ or served, key=lambda one: one.at)
        return newest.broker, None if open_ else newest.at

    def _decide(self, case: _Case) -> None:
        gates, opv, ended = self._gates, case.lead.opv, case.lead.ended_at
        if ended is not None and ended <= gates.now and gates.now > case.lead.moment:
            self._end(case, Fate(reason=ENDED), "")
            return
        named: list[str] = []

        def closed_to(person: str, rule: Rule) -> str | None:
            named.append(person)
            return gates.named(person, rule, opv.client_id, ())

        found = find_rule(self._house, case, case.facts, gates.now, closed_to)
        queues = found.rule.queues if found.rule is not None and found.person is None else ()
        lanes = [self._lane(queue, case.part, opv.development) for queue in queues]
        ruling = self._desk.decide(case, opv, found, lanes)
        if ruling.kind == "give":
            self._give(case, ruling)
        elif ruling.kind == "wait" and ruling.until is not None:
            case.reason, case.lanes = ruling.reason or case.reason, () if named else lanes
            self._wait(case, ruling.until)
        else:
            self._end(case, Fate(reason=ruling.reason), "")

    def _try_again(self, case: _Case) -> None:
        until = self._in_vain_until(tuple(lane.key for lane in case.lanes))
        if until is None:
            self._decide(case)
        else:
            self._wait(case, until)

    def _wait(self, case: _Case, until: datetime) -> None:
        """The case is decided anew then. Those that wait in the same lines wait together."""
        if not case.lanes:
            self._at(until, _Retry(self, case), since=case.since)
            return
        pen = (until, tuple(lane.key for lane in case.lanes))
        if pen not in self._pens:
            self._pens[pen] = []
            self._at(until, lambda: self._open(pen), order=_PENS)
        self._pens[pen].append(case)

    def _open(self, pen: tuple[datetime, tuple[str, ...]]) -> None:
        """Who waits there is decided anew, with all others of the moment in the order in which they came."""
        cases = self._pens.pop(pen)
        until = self._in_vain_until(pen[1])
        if until is None:
            for case in cases:
                self._at(pen[0], _Retry(self, case), since=case.since)
            return
        for case in cases[:1]:
            self._wait(case, until)
        self._pens[until, pen[1]] += cases[1:]

    def _in_vain_until(self, lines: Sequence[str]) -> datetime | None:
        """Until when every one of the lines has nobody, whatever the lead, so that deciding would change nothing."""
        asked = [self._lines[key] for key in lines]
        if not asked or not all(map(self._has_nobody, asked)):
            return None
        return min(line.standing.until for line in asked)

    def _has_nobody(self, line: Open) -> bool:
        line.paused = line.lane.queue.key in self._paused
        if line.paused:
            return False  # which is told apart
        line.ask(self._gates)
        known = self._empty.get(line.lane.key)
        if known is None or known[0] is not line.standing:
            empty = all(closed is not None for closed in line.standing.closed.values())
            known = self._empty[line.lane.key] = (line.standing, empty)
        return known[1]

    def _give(self, case: _Case, ruling: Ruling) -> None:
        now, lead = self._gates.now, case.lead
        if ruling.broker is not None:
            self._burden.gave(ruling.broker, now)
            self._hold(lead, Served(ruling.broker, now, lead.ended_at), case.part)
        person, wait = ruling.broker or ruling.place.manager, (now - case.since).total_seconds()
        fate = Fate(person, ruling.place.team, ruling.line, wait)
        self._end(case, fate, why(ruling, self.tally.name))

    def _give_by_hand(self, lead: PastLead, served: Served) -> None:
        self._hold(lead, served, "sales")
        if self._counted and served.broker in self._burden.loads:
            load = self._burden.loads[served.broker]
            load.open, load.backlog, load.day = load.open + 1, load.backlog + 1, load.day + 1
            load.week, load.days30, load.last_given_at = load.week + 1, load.days30 + 1, self._gates.now
            self._burden.gave(served.broker, self._gates.now)
            self._reload(served.broker, ())

    def _hold(self, lead: PastLead, served: Served, part: str) -> None:
        """The broker has the lead until it ends."""
        if part == "sales":
            self._served[lead.opv.client_id].append(served)
        if self._counted and served.broker in self._burden.loads:
            contacted = lead.opv.first_contact_at
            if contacted is not None:
                self._contact(served.broker, contacted)
            if lead.ended_at is not None:
                self._ends(served.broker, lead.ended_at, contacted)

    def _end(self, case: _Case, fate: Fate, sentence: str) -> None:
        fates = case.lead.fates
        then = fates.get(case.part) or next(iter(fates.values()))
        self.tally.add(case.lead.opv, case.lead.moment, then, fate, sentence)

    def _lane(self, queue: Queue, part: str, development: str | None) -> Lane:
        """The lane, with its line open."""
        key = (queue.key, part, development)
        if key not in self._lanes:
            lane = self._lanes[key] = lane_of(queue, part, development, self._house)
            if lane.key not in self._lines:
                opened = open_all([lane], self._turns.of(lane.key), (), self._gates.loads, self._house)
                self._lines |= opened
                for broker in lane.brokers if self._counted else ():
                    self._lines_of[broker].append(opened[lane.key])
        lane = self._lanes[key]
        self._lines[lane.key].paused = queue.key in self._paused
        return lane

    def _at(
        self, at: datetime, event: Callable[[], None], *, since: datetime | None = None, order: int = _CHANGES
    ) -> None:
        """What is asked for `since` comes after all else of its moment, in the order of that."""
        order = order if since is None else _DECISIONS
        heapq.heappush(self._events, (at, order, since or at, next(self._number), event))

    def _run(self, until: datetime) -> None:
        """Moves the clock on, from event to event."""
        while self._events and self._events[0][0] <= until:
            at, *_, event = heapq.heappop(self._events)
            self._set_clock(max(at, self._gates.now))
            event()
        self._set_clock(until)

    def _set_clock(self, now: datetime) -> None:
        self._gates.now = now
        if not self._counted:
            return
        new_day, changed = self._burden.advance(now)
        if new_day:
            self._ask_all_again()
        for broker in changed:
            self._reload(broker, ("days30",))

    def _see(self, members: str) -> None:
        if self._presence.learn(members):
            self._ask_all_again()

    def _ends(self, broker: str, at: datetime, contacted_at: datetime | None) -> None:
        contacted = contacted_at is not None and contacted_at <= at
        self._at(
            at,
            lambda: self._lighten(broker, lambda: self._burden.ended(broker, contacted=contacted), ("open", "backlog")),
        )

    def _contact(self, broker: str, at: datetime) -> None:
        self._at(at, lambda: self._lighten(broker, lambda: self._burden.contacted(broker), ("backlog",)))

    def _lighten(self, broker: str, change: Callable[[], None], less: Sequence[str]) -> None:
        change()
        self._reload(broker, less)

    def _reload(self, broker: str, less: Sequence[str]) -> None:
        """What the broker has is another: its place in the lines may be, and, where it has `less`, whether it has
        room."""
        load, own = self._burden.loads[broker], self._house.roster.people[broker].caps
        for line in self._lines_of.get(broker, ()):
            line.turns.loaded(broker)
            if _near(load, line.lane.queue.caps, less) or _near(load, own, less):
                _ask_again(line)

    def _ask_all_again(self) -> None:
        for line in self._lines.values():
            _ask_again(line)


@dataclass(frozen=True, slots=True)
class _Retry:
    """A case is decided again."""

    replay: _Replay
    case: _Case

    def __call__(self) -> None:
        self.replay._try_again(self.case)


def _near(load: Load, caps: Caps, less: Sequence[str]) -> bool:
    """Whether the broker may have been at a cap one lead ago."""
    return any((cap := getattr(caps, name)) is not None and getattr(load, name) >= cap - 1 for name in less)


def _ask_again(line: Open) -> None:
    """The answer who is left out does not hold any more."""
    line.standing = replace(line.standing, until=datetime.min.replace(tzinfo=line.standing.until.tzinfo))

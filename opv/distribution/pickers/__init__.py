"""Whose turn it is."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Member:
    broker: str
    last_turn: int
    served: int
    position: int
    active: bool
    owed: int = 0
    balance: int = 0
    is_new: bool = False
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    reason: str
    misses: bool = False
    lasting: bool = False


@dataclass(slots=True)
class Load:
    open: int = 0
    backlog: int = 0
    day: int = 0
    week: int = 0
    days30: int = 0
    last_given_at: datetime | None = None


@dataclass(frozen=True)
class Line:
    key: str
    strategy: str
    brokers: tuple[str, ...]
    missed: str = "keep"
    weights: Mapping[str, int] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    team_shares: Mapping[str, int] = field(default_factory=dict)
    room: int | None = None
    rooms: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Pick:
    broker: str | None
    turn: int
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    excluded: list[tuple[str, str]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)
    team: str | None = None


class Turns:
    """For now a round robin."""

    def __init__(self, line: Line, turn: int, members: Iterable[Member], loads: Mapping[str, Load]) -> None:
        self.key = line.key
        self.turn = turn
        self.members = {member.broker: member for member in members}
        self._seat(line.brokers)
        active = [m for m in self.members.values() if m.active]
        self.candidates = [m.broker for m in sorted(active, key=lambda m: m.position)]
        self._line = [(m.last_turn, m.broker) for m in active]
        heapq.heapify(self._line)

    def pick(self, closed_to: Callable[[str], Closed | None]) -> Pick:
        picked = Pick(None, self.turn, tuple(key for _, key in heapq.nsmallest(5, self._line)))
        passed = []
        while self._line:
            place = heapq.heappop(self._line)
            closed = closed_to(place[1])
            if closed is None:
                picked.broker, picked.turn = place[1], self.serve(place[1])
                break
            passed.append(place)
            picked.excluded.append((place[1], closed.reason))
        for place in passed:
            heapq.heappush(self._line, place)
        picked.after = tuple(key for _, key in heapq.nsmallest(5, self._line))
        return picked

    def reset_lasting(self) -> None:
        pass

    def loaded(self, broker: str) -> None:
        pass

    def give_back(self, broker: str) -> None:
        self.members[broker].owed += 1

    def serve(self, broker: str) -> int:
        self.turn += 1
        member = self.members[broker]
        member.last_turn, member.changed = self.turn, True
        member.served += 1
        self._line = [one for one in self._line if one[1] != broker]
        heapq.heapify(self._line)
        heapq.heappush(self._line, (self.turn, broker))
        return self.turn

    def changes(self) -> list[Member]:
        return [member for member in self.members.values() if member.changed]

    def _seat(self, roster: Iterable[str]) -> None:
        for position, broker in enumerate(roster):
            member = self.members.get(broker)
            if member is None:
                member = self.members[broker] = Member(broker, 0, 0, position, False, is_new=True)
            if not member.active:
                self.turn += 1
                member.last_turn, member.active, member.changed = self.turn, True, True
            if member.position != position:
                member.position, member.changed = position, True
        present = set(roster)
        for member in self.members.values():
            if member.active and member.broker not in present:
                member.active, member.changed = False, True


def turns_of(line: Line, turn: int, members: Iterable[Member], loads: Mapping[str, Load]) -> Turns:
    return Turns(line, turn, members, loads)

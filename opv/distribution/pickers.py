"""Whose turn it is.

`RoundRobin` orders by a turn counter, never by clocks: who was served longest ago is next. Under any number of
batches and workers (they hold the queue's row) the counts of members that were there all along and never left
out differ by at most one. A new or returning member enters at the end; leaving resets nobody.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Member:
    """A member's row in memory."""

    broker: str
    last_turn: int
    served: int
    position: int
    active: bool
    is_new: bool = False
    changed: bool = False


@dataclass(slots=True)
class Pick:
    """Who was picked at which turn, and who was left out on the way, with the reason."""

    broker: str | None
    turn: int
    excluded: list[tuple[str, str]] = field(default_factory=list)


class RoundRobin:
    """The turns of one queue, under its lock."""

    def __init__(self, key: str, turn: int, members: Iterable[Member], roster: Sequence[str]) -> None:
        self.key = key
        self.turn = turn
        self.members = {member.broker: member for member in members}
        self._seat(roster)
        active = [m for m in self.members.values() if m.active]
        self.candidates = [m.broker for m in sorted(active, key=lambda m: m.position)]
        self._line = [(m.last_turn, m.broker) for m in active]
        heapq.heapify(self._line)

    def pick(self, closed_to: Callable[[str], str | None]) -> Pick:
        """The next member that no gate leaves out. Those left out keep their place."""
        picked = Pick(None, self.turn)
        passed: list[tuple[int, str]] = []
        while self._line:
            place = heapq.heappop(self._line)
            reason = closed_to(place[1])
            if reason is None:
                self._serve(place[1], picked)
                break
            passed.append(place)
            picked.excluded.append((place[1], reason))
        for place in passed:
            heapq.heappush(self._line, place)
        return picked

    def changes(self) -> list[Member]:
        """Members whose row must be written."""
        return [member for member in self.members.values() if member.changed]

    def _serve(self, broker: str, picked: Pick) -> None:
        self.turn += 1
        member = self.members[broker]
        member.last_turn, member.changed = self.turn, True
        member.served += 1
        heapq.heappush(self._line, (self.turn, broker))
        picked.broker, picked.turn = broker, self.turn

    def _seat(self, roster: Sequence[str]) -> None:
        """Brings the members to the roster: new ones and those who come back at the end of the line."""
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

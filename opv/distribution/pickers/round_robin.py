"""In turn (escala)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from opv.distribution.pickers.line import Line, Load, Member
from opv.distribution.pickers.order import Order, smallest

Entry = tuple[Any, int, int, str]


class RoundRobin(Order):
    """Who was served longest ago is next.

    The counts of members that were there all along and were never left out (nor owed a turn, nor served out of
    turn) differ by at most one. A new or returning member enters at the end; leaving resets nobody.
    """

    def __init__(self, line: Line, members: Sequence[Member], loads: Mapping[str, Load]) -> None:
        super().__init__(line, members, loads)
        self._entries = {member.broker: self._entry(member) for member in members}
        self._line = list(self._entries.values())
        heapify(self._line)

    def _rank(self, broker: str) -> Any:
        """What comes before the turn in the order."""
        return 0

    def _entry(self, member: Member) -> Entry:
        return self._rank(member.broker), member.last_turn, member.position, member.broker

    def _pop(self, turn: int) -> Member | None:
        while self._line:
            entry = heappop(self._line)
            if self._is_valid(entry):
                return self.members[entry[3]]
        return None

    def _put_back(self, member: Member) -> None:
        entry = self._entries[member.broker] = self._entry(member)
        heappush(self._line, entry)

    _seat = _take_turn = _put_back

    def _is_valid(self, entry: Entry) -> bool:
        return self._entries[entry[3]] is entry

    def _head(self) -> list[str]:
        return [broker for *_, broker in smallest(self._line, self._is_valid)]

"""By lot (sorteio)."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from heapq import heapify, heappop, heappush

from opv.distribution.pickers.line import Line, Load, Member
from opv.distribution.pickers.order import Look, Order, smallest

WHOLE_ORDER = 100
"""Up to so many members a cycle's order is drawn as a whole; above, only the next."""
_UNDRAWN = -1
_DONE = 0


class Draw(Order):
    """Cycles, each in an order drawn anew; the lot depends on the queue's key and turn alone and can be repeated.

    In each cycle every member that was there for all of it and was never left out is served exactly once (owed
    turns and those out of turn apart). Who enters or comes back waits for the next cycle. Who keeps a place over
    the end of a cycle is the first in the next.

    A member's balance is its rank in the order drawn; 0 when it had its turn in this cycle; below while not drawn.
    """

    def __init__(self, line: Line, members: Sequence[Member], loads: Mapping[str, Load]) -> None:
        super().__init__(line, members, loads)
        self._ranked = [(m.balance, m.broker) for m in members if m.balance > _DONE]
        heapify(self._ranked)
        self._undrawn = sorted((m.position, m.broker) for m in members if m.balance < _DONE)
        self._done = {m.broker: m for m in members if m.balance == _DONE}
        self._last_rank: int | None = None
        """The highest rank, as far as the present look needed it."""
        self._next_cycle: list[tuple[int, str]] | None = None
        """Those still to come in the cycle that the present look has begun."""

    def _seat(self, member: Member) -> None:
        member.balance = _DONE
        self._done[member.broker] = member

    def serve(self, broker: str, turn: int) -> None:
        member = self.members[broker]
        if member.balance < _DONE:
            self._undrawn.remove((member.position, broker))
        super().serve(broker, turn)

    def _pick_next(self, look: Look, turn: int) -> Member | None:
        served = super()._pick_next(look, turn)
        if served and self._next_cycle:
            for _, broker in reversed(self._next_cycle):
                self._join_cycle(self.members[broker])
        self._next_cycle = self._last_rank = None
        return served

    def _pop(self, turn: int) -> Member | None:
        while self._ranked:
            entry = heappop(self._ranked)
            if self._is_valid(entry):
                return self.members[entry[1]]
        if self._undrawn:
            return self._draw(self._undrawn, turn)
        if self._next_cycle is None:
            self._next_cycle = sorted((m.position, m.broker) for m in self._done.values())
            if self._draws_all():
                self._next_cycle.sort(key=lambda place: self._lot(turn, place[1]))
        if not self._next_cycle:
            return None
        if self._draws_all():
            return self.members[self._next_cycle.pop()[1]]
        return self._draw(self._next_cycle, turn)

    def _put_back(self, member: Member) -> None:
        if member.balance > _DONE:
            heappush(self._ranked, (member.balance, member.broker))
        elif member.balance < _DONE:
            insort(self._undrawn, (member.position, member.broker))

    def _keep(self, member: Member, lasting: bool) -> None:
        if member.balance <= _DONE:
            self._give_rank(member)
        super()._keep(member, lasting)

    def _take_turn(self, member: Member) -> None:
        member.balance = _DONE
        self._done[member.broker] = member

    def _join_cycle(self, member: Member) -> None:
        if self._draws_all():
            self._give_rank(member)
        else:
            del self._done[member.broker]
            member.balance, member.changed = _UNDRAWN, True
        self._put_back(member)

    def _give_rank(self, member: Member) -> None:
        if self._last_rank is None:
            self._last_rank = max(0, *(m.balance for m in self.members.values()))
        self._last_rank += 1
        member.balance, member.changed = self._last_rank, True
        self._done.pop(member.broker, None)

    def _draws_all(self) -> bool:
        return len(self.members) <= WHOLE_ORDER

    def _draw(self, places: list[tuple[int, str]], turn: int) -> Member:
        """The list's order does not depend on batches, so its length makes a second lot of the same turn another."""
        return self.members[places.pop(self._lot(turn, str(len(places))) % len(places))[1]]

    def _lot(self, turn: int, name: str) -> int:
        return int.from_bytes(blake2b(f"{self.line.key}:{turn}:{name}".encode(), digest_size=8).digest())

    def _is_valid(self, entry: tuple[int, str]) -> bool:
        return self.members[entry[1]].balance == entry[0]

    def _head(self) -> list[str]:
        return [broker for _, broker in smallest(self._ranked, self._is_valid)]

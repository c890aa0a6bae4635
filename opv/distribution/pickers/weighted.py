"""By weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from math import lcm

from opv.distribution.pickers.line import Line, Load, Member
from opv.distribution.pickers.order import HEAD, Order, smallest

CYCLE = lcm(*range(1, 11))
"""Virtual time in which a member of weight w has w turns, each of CYCLE / w."""
_SOUND_SPREAD = 4 * CYCLE

Place = tuple[int, int, str]


class Weighted(Order):
    """Earliest eligible virtual deadline first, in exact integers.

    A member's time goes on by CYCLE / weight with each turn; the line's time is the mean of its members' times by
    weight. A member is eligible when its time is not ahead of the line's; of the eligible the one is next whose
    next turn but one would come first.

    Of a line whose members do not change and are never left out, everybody is at any moment less than one turn
    from its share (turns times weight by the sum of weights), so has exactly its weight after each cycle (sum of
    weights) from the beginning. After a change, in any stretch without one, less than two turns from it.

    Who enters has the line's time, or its own when that is ahead. Who keeps its place does not count in the mean
    (its balance is negative: `~time`), is asked first and has one turn when back: what it was behind counts up to
    one turn.
    """

    def __init__(self, line: Line, members: Sequence[Member], loads: Mapping[str, Load]) -> None:
        super().__init__(line, members, loads)
        self._begin_anew_if_unsound()
        self._places: dict[str, Place] = {m.broker: (m.last_turn, m.position, m.broker) for m in members}
        self._kept = [self._places[m.broker] for m in members if m.balance < 0]
        heapify(self._kept)
        self._waiting = [(m.balance, self._places[m.broker]) for m in members if m.balance >= 0]
        heapify(self._waiting)
        self._eligible: list[tuple[int, Place]] = []
        """By the time at which the turn after would come."""
        self._weight = sum(self._weight_of(place[2]) for _, place in self._waiting)
        self._time = sum(time * self._weight_of(place[2]) for time, place in self._waiting)
        """The line's time is this by `_weight`."""

    def _seat(self, member: Member) -> None:
        if self._weight:
            now = -(-self._time // self._weight)
        else:
            now = max((_time_of(self.members[broker]) for *_, broker in self._kept), default=0)
        member.balance = min(max(_time_of(member), now), now + CYCLE // self._weight_of(member.broker))
        self._put_back(member)

    def serve(self, broker: str, turn: int) -> None:
        member, time = self.members[broker], self.members[broker].balance
        is_ahead = time >= 0 and time * self._weight > self._time
        if time >= 0:
            self._count(member, -1)
        super().serve(broker, turn)
        if is_ahead:  # of the line's time, so that a turn out of turn costs nothing more
            self._count(member, -1)
            member.balance = time
            self._put_back(member)

    def _pop(self, turn: int) -> Member | None:
        while self._kept:
            place = heappop(self._kept)
            if self._is_valid(place):
                return self.members[place[2]]
        while self._weight:
            self._note_eligible()
            _, place = heappop(self._eligible)
            if self._is_valid(place):
                member = self.members[place[2]]
                if member.balance * self._weight <= self._time:
                    self._count(member, -1)
                    return member
                heappush(self._waiting, (member.balance, place))  # the line's time went back as another one joined
        return None

    def _note_eligible(self) -> None:
        while self._waiting and self._waiting[0][0] * self._weight <= self._time:
            time, place = heappop(self._waiting)
            heappush(self._eligible, (time + CYCLE // self._weight_of(place[2]), place))

    def _put_back(self, member: Member) -> None:
        place = self._places[member.broker] = (member.last_turn, member.position, member.broker)
        if member.balance < 0:
            heappush(self._kept, place)
        else:
            self._count(member, 1)
            heappush(self._waiting, (member.balance, place))

    def _keep(self, member: Member, lasting: bool) -> None:
        if member.balance >= 0:
            member.balance, member.changed = ~member.balance, True
        super()._keep(member, lasting)

    def _take_turn(self, member: Member) -> None:
        weight = self._weight_of(member.broker)
        time, turn = _time_of(member), CYCLE // weight
        if self._weight:  # at most one turn behind the line's time, its own included
            time = max(time, -(((self._weight + weight) * turn - self._time) // self._weight))
        member.balance = time + turn
        self._put_back(member)

    def _count(self, member: Member, sign: int) -> None:
        weight = self._weight_of(member.broker)
        self._weight += sign * weight
        self._time += sign * weight * member.balance

    def _weight_of(self, broker: str) -> int:
        return self.line.weights.get(broker, 1)

    def _is_valid(self, place: Place) -> bool:
        return self._places[place[2]] is place

    def _head(self) -> list[str]:
        found = smallest(self._kept, self._is_valid)
        for line in (self._eligible, self._waiting):
            if len(found) < HEAD:
                found += [place for _, place in smallest(line, lambda entry: self._is_valid(entry[1]))]
        return [broker for *_, broker in found]

    def _begin_anew_if_unsound(self) -> None:
        """Times this far apart are not this strategy's, or of long ago."""
        times = [_time_of(member) for member in self.members.values()]
        in_line = [member.balance for member in self.members.values() if member.balance >= 0]
        if in_line and max(times) - min(in_line) > _SOUND_SPREAD:
            for member in self.members.values():
                member.balance, member.changed = 0, True


def _time_of(member: Member) -> int:
    return member.balance if member.balance >= 0 else ~member.balance

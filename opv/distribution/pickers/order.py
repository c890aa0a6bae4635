"""What all strategies have in common: looking along the line, missed turns, owed turns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, ClassVar

from opv.distribution.pickers.line import Closed, Line, Load, Member

HEAD = 5
"""How much of a line is shown."""
MOST_OWED = 10


class Look:
    """One lead's look along the line: each member is asked once, those with a lasting answer never again."""

    __slots__ = ("_closed_to", "_seen", "after", "before", "excluded", "lasting", "missed")

    def __init__(self, closed_to: Callable[[str], Closed | None], lasting: dict[str, Closed]) -> None:
        self._closed_to = closed_to
        self._seen: dict[str, Closed | None] = {}
        self.lasting = lasting
        self.excluded: list[tuple[str, str]] = []
        self.missed: list[tuple[str, str]] = []
        self.before: tuple[str, ...] = ()
        self.after: tuple[str, ...] = ()

    def __call__(self, broker: str) -> Closed | None:
        """Why the member is left out, None when it may serve."""
        if broker in self._seen:
            return self._seen[broker]
        closed = self.lasting.get(broker) or self._closed_to(broker)
        self._seen[broker] = closed
        if closed:
            self.excluded.append((broker, closed.reason))
            if closed.lasting:
                self.lasting[broker] = closed
        return closed

    def recall(self, brokers: Iterable[str]) -> None:
        """Adds those who were out of the way to `excluded`."""
        self.excluded += [(b, self.lasting[b].reason) for b in brokers if b not in self._seen]


class Order(ABC):
    """The members of one line in a strategy's order.

    A member left out because the lead does not fit it keeps its place. One that is away keeps it too (`keep`), or
    loses the turn as if served (`skip`), or loses it and is owed one (`credit`). A look that finds nobody changes
    nothing. Owed turns come on top and leave the place in the line alone: one may follow each odd turn of a member,
    with somebody else's between them, so between two owed turns it always has one of its own.
    """

    loses_turns: ClassVar[bool] = True
    """Whether `skip` and `credit` have a meaning for the strategy."""

    def __init__(self, line: Line, members: Sequence[Member], loads: Mapping[str, Load]) -> None:
        self.line = line
        self.members = {member.broker: member for member in members}
        self._loads = loads
        self._missed = line.missed if self.loses_turns else "keep"
        self._aside: dict[str, Member] = {}
        self._owed: list[tuple[int, int, str]] = []
        self._owed_aside: list[tuple[int, int, str]] = []
        self._shown: tuple[str, ...] | None = None
        """The head of the line after the last pick, while it holds."""
        for member in members:
            self._note_owed(member)

    def pick(self, look: Look, turn: int) -> Member | None:
        """Serves the first member that is not left out, at `turn`; None when there is none."""
        before = self._shown or self._look_ahead()
        member = self._pick_owed(look, turn) or self._pick_next(look, turn)
        if member:
            self._shown = self._look_ahead()
            look.before, look.after = before, self._shown
        return member

    def enter(self, member: Member) -> None:
        """Gives a new member, or one who comes back, its place."""
        self.members[member.broker] = member
        self._seat(member)
        self._note_owed(member)

    def serve(self, broker: str, turn: int) -> None:
        """The member had a lead out of turn, which counts as its turn."""
        member = self.members[broker]
        self._aside.pop(broker, None)
        self._serve(member, turn)

    def owe(self, broker: str) -> None:
        """The member is owed one more turn."""
        member = self.members[broker]
        member.owed, member.changed = min(member.owed + 1, MOST_OWED), True
        self._shown = None
        self._note_owed(member)

    def reset_lasting(self) -> None:
        """Those who were out of the way are asked again."""
        self._shown = None
        for member in self._aside.values():
            self._put_back(member)
        self._aside.clear()
        for entry in self._owed_aside:
            heappush(self._owed, entry)
        self._owed_aside.clear()

    def loaded(self, broker: str) -> None:
        """The member's load has changed."""
        self._shown = None

    def _look_ahead(self) -> tuple[str, ...]:
        owed = [broker for *_, broker in smallest(self._owed, self._is_owed)]
        return tuple(dict.fromkeys(owed + self._head()))[:HEAD]

    @abstractmethod
    def _seat(self, member: Member) -> None:
        """Gives a member that enters its place."""

    @abstractmethod
    def _pop(self, turn: int) -> Member | None:
        """Takes the next member out of the line."""

    @abstractmethod
    def _put_back(self, member: Member) -> None:
        """Puts a member that was taken out back in its place."""

    @abstractmethod
    def _take_turn(self, member: Member) -> None:
        """A member that was taken out goes where one goes that had its turn; `last_turn` says when."""

    @abstractmethod
    def _head(self) -> list[str]: ...

    def _keep(self, member: Member, lasting: bool) -> None:
        """A member that was taken out keeps its place; out of the way when it is left out whatever the lead."""
        if lasting:
            self._aside[member.broker] = member
        else:
            self._put_back(member)

    def _pick_next(self, look: Look, turn: int) -> Member | None:
        passed: list[tuple[Member, Closed]] = []
        while member := self._pop(turn):
            closed = look(member.broker)
            if closed is None:
                break
            passed.append((member, closed))
        if member is None:
            for left_out, _ in passed:
                self._put_back(left_out)
            return None
        self._serve(member, turn)
        for left_out, closed in passed:
            self._leave_out(left_out, closed, look, turn)
        return member

    def _serve(self, member: Member, turn: int) -> None:
        self._shown = None
        member.last_turn, member.changed = turn, True
        member.served += 1
        self._take_turn(member)
        self._note_owed(member)

    def _leave_out(self, member: Member, closed: Closed, look: Look, turn: int) -> None:
        if closed.misses:
            look.missed.append((member.broker, closed.reason))
            if self._missed != "keep":
                member.last_turn, member.changed = turn, True
                if self._missed == "credit":
                    member.owed = min(member.owed + 1, MOST_OWED)
                self._take_turn(member)
                self._note_owed(member)
                return
        self._keep(member, closed.lasting)

    def _note_owed(self, member: Member) -> None:
        if member.owed and member.served % 2:
            heappush(self._owed, (member.last_turn, member.position, member.broker))

    def _is_owed(self, entry: tuple[int, int, str]) -> bool:
        member = self.members[entry[2]]
        return member.owed > 0 and member.served % 2 == 1 and member.last_turn == entry[0]

    def _pick_owed(self, look: Look, turn: int) -> Member | None:
        passed: list[tuple[int, int, str]] = []
        found = None
        while self._owed:
            entry = heappop(self._owed)
            if not self._is_owed(entry):
                continue
            if entry[0] == turn - 1:  # it was served last
                passed.append(entry)
                break
            closed = look(entry[2])
            if closed is None:
                found = self.members[entry[2]]
                found.owed, found.served, found.changed = found.owed - 1, found.served + 1, True
                break
            (self._owed_aside if closed.lasting else passed).append(entry)
        for entry in passed:
            heappush(self._owed, entry)
        return found


def smallest(heap: Sequence[Any], is_valid: Callable[[Any], bool]) -> list[Any]:
    """The first few valid entries of a heap, without going through all of it."""
    found: list[Any] = []
    ahead = [(heap[0], 0)] if heap else []
    for _ in range(4 * HEAD):  # there may be dead entries among them
        if not ahead or len(found) == HEAD:
            break
        entry, at = heappop(ahead)
        if is_valid(entry):
            found.append(entry)
        for child in (2 * at + 1, 2 * at + 2):
            if child < len(heap):
                heappush(ahead, (heap[child], child))
    return found

"""The turns of one queue, under its lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from opv.distribution.pickers.by_load import LeastOpen, LeastRecent, MostRoom
from opv.distribution.pickers.draw import Draw
from opv.distribution.pickers.line import Closed, Line, Load, Member, Pick
from opv.distribution.pickers.order import Look, Order
from opv.distribution.pickers.round_robin import RoundRobin
from opv.distribution.pickers.two_step import TwoStep, row_of
from opv.distribution.pickers.weighted import Weighted

STRATEGIES: Mapping[str, type[Order]] = {
    "round_robin": RoundRobin,
    "draw": Draw,
    "weighted": Weighted,
    "least_open": LeastOpen,
    "least_recent": LeastRecent,
    "most_room": MostRoom,
}
"""Those that pick somebody; `first_to_claim` and `manual` leave that to people."""


class Turns:
    """One queue's turns, ordered by its own counter, never by clocks.

    The caller holds the queue's row, so picks come one after the other whatever the number of workers; all that
    has to last is in the members' rows, and how picks are spread over batches makes no difference to them. Every
    pick and everyone who enters takes one turn of the counter; a pick of nobody takes none and changes nothing.
    """

    def __init__(self, line: Line, turn: int, members: Iterable[Member], loads: Mapping[str, Load]) -> None:
        self.key = line.key
        self.turn = turn
        self.members = {member.broker: member for member in members}
        self.candidates = list(line.brokers)
        self._lasting: dict[str, Closed] = {}
        rows = tuple(dict.fromkeys(row_of(line.teams[b]) for b in line.brokers)) if line.team_shares else ()
        standing, entering = self._seat((*line.brokers, *rows))
        strategy = STRATEGIES[line.strategy]
        self._two_step = TwoStep(line, standing, loads, strategy) if line.team_shares else None
        self._order = self._two_step or strategy(line, standing, loads)
        for member in entering:
            self.turn += 1
            member.last_turn = self.turn
            self._order.enter(member)

    def pick(self, closed_to: Callable[[str], Closed | None]) -> Pick:
        """The next broker that no gate leaves out; everybody is asked once at most."""
        look = Look(closed_to, self._lasting)
        if len(self._lasting) < len(self.candidates):
            member = self._order.pick(look, self.turn + 1)
            if member:
                self.turn += 1
                team = self._two_step.team if self._two_step else None
                return Pick(member.broker, self.turn, look.before, look.after, look.excluded, look.missed, team)
        look.recall(self.candidates)
        return Pick(None, self.turn, excluded=look.excluded)

    def reset_lasting(self) -> None:
        """What held for the batch may have changed: everybody is asked anew."""
        self._lasting.clear()
        self._order.reset_lasting()

    def loaded(self, broker: str) -> None:
        """To be called when the broker's load has changed, so that it moves to its place."""
        if self._is_in_line(broker):
            self._order.loaded(broker)

    def give_back(self, broker: str) -> None:
        """The broker's last lead was none: it is owed one turn, whatever the policy for missed ones."""
        if self._is_in_line(broker):
            self._order.owe(broker)

    def serve(self, broker: str) -> int:
        """The broker took a lead out of turn (claimed it, or took it from the pool), which counts as its turn; one
        who is not in the line only uses up the queue's turn. Gives that turn."""
        self.turn += 1
        if self._is_in_line(broker):
            self._order.serve(broker, self.turn)
        return self.turn

    def changes(self) -> list[Member]:
        """Members whose row must be written."""
        return [member for member in self.members.values() if member.changed]

    def _is_in_line(self, broker: str) -> bool:
        member = self.members.get(broker)
        return member is not None and member.active

    def _seat(self, roster: tuple[str, ...]) -> tuple[list[Member], list[Member]]:
        """Brings the members to the roster; gives those who stay and those who enter or come back."""
        standing, entering = [], []
        for position, broker in enumerate(roster):
            member = self.members.get(broker)
            if member is None:
                member = self.members[broker] = Member(broker, 0, 0, position, False, is_new=True)
            if member.active:
                standing.append(member)
            else:
                entering.append(member)
                member.active = member.changed = True
            if member.position != position:
                member.position, member.changed = position, True
        present = set(roster)
        for member in self.members.values():
            if member.active and member.broker not in present:
                member.active, member.changed = False, True
        return standing, entering


def turns_of(line: Line, turn: int, members: Iterable[Member], loads: Mapping[str, Load]) -> Turns:
    """The queue's turns; `members` are all its rows, those who have left too.

    Raises:
        KeyError: The line's strategy picks nobody.
    """
    return Turns(line, turn, members, loads)

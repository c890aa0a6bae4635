"""First a team, then a broker of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from opv.distribution.pickers.line import Closed, Line, Load, Member
from opv.distribution.pickers.order import Look, Order
from opv.distribution.pickers.weighted import Weighted


class TwoStep:
    """Teams take weighted turns by their shares, and within a team the strategy decides: the bound of each holds
    for its own line. A team in which nobody may serve is left out: as away when all of it is away, otherwise as
    one whom the lead does not fit; what its brokers missed then is the team's turn, not theirs."""

    def __init__(self, line: Line, members: Sequence[Member], loads: Mapping[str, Load], within: type[Order]) -> None:
        self._team_of = line.teams
        by_team: dict[str, list[Member]] = {row_of(line.teams[broker]): [] for broker in line.brokers}
        rows = [member for member in members if member.broker in by_team]
        for member in members:
            if member.broker not in by_team:
                by_team[row_of(line.teams[member.broker])].append(member)
        shares = {row_of(team): share for team, share in line.team_shares.items()}
        self._teams = Weighted(replace(line, weights=shares), rows, loads)
        self._within = {row: within(replace(line, key=f"{line.key}/{row}"), own, loads) for row, own in by_team.items()}
        self._lasting: dict[str, Closed] = {}
        self.team: str | None = None
        """The one last drawn."""

    def pick(self, look: Look, turn: int) -> Member | None:
        """Serves a broker of the first team that has one who is not left out, and the team."""
        found: Member | None = None

        def closed_to_team(row: str) -> Closed | None:
            nonlocal found
            found = self._within[row].pick(look, turn)
            return None if found else self._why_left_out(row, look)

        teams = Look(closed_to_team, self._lasting)
        team = self._teams.pick(teams, turn)
        look.excluded += teams.excluded
        look.missed += teams.missed
        self.team = team.broker[1:] if team else None
        return found

    def enter(self, member: Member) -> None:
        """Gives a team or a broker its place."""
        self._line_of(member.broker).enter(member)

    def serve(self, broker: str, turn: int) -> None:
        """The broker had a lead out of turn, which counts as its turn and its team's."""
        self._within[row_of(self._team_of[broker])].serve(broker, turn)
        self._teams.serve(row_of(self._team_of[broker]), turn)

    def owe(self, broker: str) -> None:
        """The broker is owed one more turn, within its team."""
        self._line_of(broker).owe(broker)

    def reset_lasting(self) -> None:
        """Those who were out of the way are asked again."""
        self._lasting.clear()
        for order in (self._teams, *self._within.values()):
            order.reset_lasting()

    def loaded(self, broker: str) -> None:
        """The broker's load has changed."""
        self._line_of(broker).loaded(broker)

    def _line_of(self, key: str) -> Order:
        return self._teams if key in self._within else self._within[row_of(self._team_of[key])]

    def _why_left_out(self, row: str, look: Look) -> Closed:
        answers = [closed for broker in self._within[row].members if (closed := look(broker))]
        return Closed("team_left_out", all(a.misses for a in answers), all(a.lasting for a in answers))


def row_of(team: str) -> str:
    """The key of a team's own row."""
    return f"@{team}"

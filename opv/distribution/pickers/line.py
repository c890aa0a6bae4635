"""A queue as a picker sees it: the line as configured, its members, their loads, and what a pick gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Missed = Literal["keep", "skip", "credit"]


@dataclass(slots=True)
class Member:
    """A member's row in memory."""

    broker: str
    """A person's key; `@<team>` for a team's own row in a two-step queue."""
    last_turn: int
    """The queue's turn at which it was last served in the line, lost a turn, entered or came back."""
    served: int
    """Turns it had, owed ones too."""
    position: int
    active: bool
    owed: int = 0
    """Turns to be made good, at most 10."""
    balance: int = 0
    """What the strategy keeps of the member; any number is sound, it may be another strategy's."""
    is_new: bool = False
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a gate leaves a member out."""

    reason: str
    misses: bool = False
    """It is away itself, so that its turn counts as missed; otherwise this lead does not fit it."""
    lasting: bool = False
    """Holds for the rest of the batch whatever the lead: it is not asked again."""


@dataclass(slots=True)
class Load:
    """What a broker has at present; `day`, `week` and `days30` count leads given."""

    open: int = 0
    backlog: int = 0
    day: int = 0
    week: int = 0
    days30: int = 0
    last_given_at: datetime | None = None


@dataclass(frozen=True)
class Line:
    """A queue as configured."""

    key: str
    strategy: str
    brokers: tuple[str, ...]
    """The roster in its order, each once."""
    missed: Missed = "keep"
    weights: Mapping[str, int] = field(default_factory=dict)
    """1 to 10, 1 where none is named."""
    teams: Mapping[str, str] = field(default_factory=dict)
    """The team of each broker, in a two-step queue."""
    team_shares: Mapping[str, int] = field(default_factory=dict)
    """1 to 10 for each team. With any the queue has two steps: a team, then a broker of it."""
    room: int | None = None
    """Leads a day, which `most_room` measures against; `rooms` for a broker of its own."""
    rooms: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Pick:
    """Who was picked at which turn, the line around it, and who was left out on the way."""

    broker: str | None
    turn: int
    """The queue's turn after the pick."""
    before: tuple[str, ...] = ()
    """The head of the line, at most 5, as the picker saw it; `after` likewise. In two steps: of the team's line."""
    after: tuple[str, ...] = ()
    excluded: list[tuple[str, str]] = field(default_factory=list)
    """Broker and reason of those left out while looking; of everybody when nobody was picked."""
    missed: list[tuple[str, str]] = field(default_factory=list)
    """Broker (or `@<team>`) and reason of those whose turn had come and who were away."""
    team: str | None = None

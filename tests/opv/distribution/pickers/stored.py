"""A queue as the database would keep it: its turn and its members' rows, read and written by each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from opv.distribution.pickers import Closed, Line, Load, Member, Pick, Turns, turns_of

AWAY = Closed("off_duty", misses=True)
AWAY_FOR_LONG = Closed("off_duty", misses=True, lasting=True)
MISFIT = Closed("present_broker")
_START = datetime(2026, 3, 2, 12, tzinfo=UTC)


class StoredQueue:
    """Turn, rows and loads."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.turn = 0
        self.rows: dict[str, Member] = {}
        self.loads: dict[str, Load] = {}

    def copy(self) -> StoredQueue:
        return deepcopy(self)

    def read(self) -> Turns:
        for broker in self.line.brokers:
            self.loads.setdefault(broker, Load())
        return turns_of(self.line, self.turn, [replace(m) for m in self.rows.values()], self.loads)

    def write(self, turns: Turns) -> None:
        for member in turns.changes():
            assert member.is_new == (member.broker not in self.rows)
            self.rows[member.broker] = replace(member, is_new=False, changed=False)
        self.turn = turns.turn

    def pick(self, turns: Turns, closed_to: Callable[[str], Closed | None]) -> Pick:
        """A pick, and what the engine does after it."""
        pick = turns.pick(closed_to)
        if pick.broker:
            load = self.loads[pick.broker]
            load.open, load.day = load.open + 1, load.day + 1
            load.last_given_at = _START + timedelta(seconds=pick.turn)
            turns.loaded(pick.broker)
        return pick

    def picks(self, count: int, closed: Iterable[str] = (), because: Closed = AWAY, batch: int = 7) -> list[str]:
        """Who is picked for so many leads, in batches."""
        found: list[str] = []
        left_out = set(closed)
        while len(found) < count:
            turns = self.read()
            for _ in range(min(batch, count - len(found))):
                pick = self.pick(turns, lambda broker: because if broker in left_out else None)
                found.append(pick.broker or "-")
            self.write(turns)
        return found

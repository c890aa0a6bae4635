"""What brokers have while a simulated clock moves on: days, weeks and months roll over, OPVs end, clients are
contacted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from opv.distribution.loads import day_of
from opv.distribution.pickers import Load
from opv.distribution.simulation.state import MONTH


class Burden:
    """Loads of `brokers` at the moment of the last `advance`."""

    def __init__(self, brokers: Iterable[str], now: datetime, zone: ZoneInfo) -> None:
        self.loads = {broker: Load() for broker in brokers}
        self._zone = zone
        self._given: deque[tuple[datetime, str]] = deque()
        self._day = self._next_day = now
        self._begin_day(now)

    def begin(self, held: Iterable[tuple[str, int, int]], given: Iterable[tuple[datetime, str]]) -> None:
        """Open and not contacted OPVs by broker, and the leads given in the 30 days before, in order."""
        for broker, open_, backlog in held:
            if broker in self.loads:
                self.loads[broker].open, self.loads[broker].backlog = open_, backlog
        week = self._week()
        for at, broker in given:
            load = self.loads[broker]
            load.days30, load.last_given_at = load.days30 + 1, at
            load.week += at >= week
            load.day += at >= self._day
            self._given.append((at, broker))

    def advance(self, now: datetime) -> tuple[bool, Iterable[str]]:
        """Moves the clock on; gives whether a day began, and the brokers who have less than before."""
        changed: set[str] = set()
        new_day = now >= self._next_day
        if new_day:
            before = self._week()
            self._begin_day(now)
            over = self._week() != before
            for load in self.loads.values():
                load.day, load.week = 0, 0 if over else load.week
            changed.update(self.loads)
        while self._given and self._given[0][0] < now - MONTH:
            _, broker = self._given.popleft()
            load = self.loads[broker]
            load.days30 -= 1
            load.last_given_at = load.last_given_at if load.days30 else None
            changed.add(broker)
        return new_day, changed

    def gave(self, broker: str, now: datetime) -> None:
        """A lead was given to the broker, and counted."""
        if broker in self.loads:
            self._given.append((now, broker))

    def ended(self, broker: str, *, contacted: bool) -> None:
        """An OPV of the broker ended."""
        load = self.loads[broker]
        load.open = max(load.open - 1, 0)
        if not contacted:
            load.backlog = max(load.backlog - 1, 0)

    def contacted(self, broker: str) -> None:
        """The broker contacted a client for the first time."""
        self.loads[broker].backlog = max(self.loads[broker].backlog - 1, 0)

    def _begin_day(self, now: datetime) -> None:
        self._day = day_of(now, self._zone)
        self._next_day = day_of(self._day + timedelta(days=1, hours=12), self._zone)

    def _week(self) -> datetime:
        return day_of(self._day - timedelta(days=self._day.weekday()), self._zone)

"""By what the brokers have at present: fewest open, longest without, most room left today.

Of these three the bound is the order itself: nobody who may serve comes before the one picked; ties go to who was
served longest ago in this queue, then by the roster. A missed turn is none: the load says who is next.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from opv.distribution.pickers.line import Load
from opv.distribution.pickers.round_robin import RoundRobin

_NOTHING = Load()
_NEVER = datetime.min.replace(tzinfo=UTC)


class _ByLoad(RoundRobin):
    loses_turns = False

    def loaded(self, broker: str) -> None:
        super().loaded(broker)
        if broker not in self._aside:
            self._put_back(self.members[broker])


class LeastOpen(_ByLoad):
    """Whoever has the fewest open OPVs."""

    def _rank(self, broker: str) -> Any:
        return self._loads.get(broker, _NOTHING).open


class LeastRecent(_ByLoad):
    """Whoever was given a lead longest ago, from whichever queue; who never was comes first."""

    def _rank(self, broker: str) -> Any:
        return self._loads.get(broker, _NOTHING).last_given_at or _NEVER


class MostRoom(_ByLoad):
    """Whoever has the most left of the daily cap."""

    def _rank(self, broker: str) -> Any:
        room = self.line.rooms.get(broker, self.line.room or 0)
        return self._loads.get(broker, _NOTHING).day - room

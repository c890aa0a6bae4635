"""Who was there in the past. What people said of themselves is kept for the present alone; but each decision keeps who
was left out and why, and that tells who was paused, and who had not logged or checked in, at that moment."""

from __future__ import annotations

import orjson

from opv.distribution.gates import Said
from opv.house import House

_AWAY = {"paused": Said("paused"), "not_logged_in": Said("away"), "not_checked_in": Said("away")}
_HERE = ("cap_open", "cap_backlog", "cap_day", "cap_week", "cap_days30", None)
"""Why somebody is left out, if so, of whom the gates before were passed."""


class Presence:
    """`said` is what people said of themselves at the moment of the last `learn`. Of whom nothing is known is
    available, on the first sales stand whose roster has the person."""

    def __init__(self, house: House) -> None:
        stands = {
            broker: stand.key
            for stand in reversed(house.configuration.stands)
            for line in stand.roster
            for broker in line.brokers
        }
        self._here = {key: Said("available", stands.get(key)) for key in house.roster.people}
        self.said = dict(self._here)
        self._away: set[str] = set()

    def learn(self, members: str) -> bool:
        """Takes what a queue's members were, JSON text; whether it is news."""
        if not self._away and not any(f'"{reason}"' in members for reason in _AWAY):
            return False
        news = False
        for broker, reason in orjson.loads(members):
            said = self._here.get(broker) if reason in _HERE else _AWAY.get(reason)
            if said is None or self.said.get(broker) == said:
                continue
            news = True
            self.said[broker] = said
            if reason in _AWAY:
                self._away.add(broker)
            else:
                self._away.discard(broker)
        return news

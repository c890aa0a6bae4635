"""People and teams: who is active, who leads whom, who is in a queue. Where a team's brokers are spoken of, its people
of pre-sales are meant too, but not where leads are handed out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.conditions import fold
from schemas.config import Person, Team


@dataclass(frozen=True, slots=True)
class Place:
    """A broker's place: team and manager, either may be unknown."""

    team: str | None
    manager: str | None


class Roster:
    """People by key, and each broker's places in the order of the file."""

    def __init__(self, people: Iterable[Person], teams: Iterable[Team]) -> None:
        self.people = {person.key: person for person in people}
        self.teams = {team.key: team for team in teams}
        self._known = _known(self.people.values())
        self._presales_of: dict[str, list[str]] = {}
        self._places: dict[str, list[Place]] = {}
        self._of_team: dict[str, list[str]] = {}
        self._members: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}
        for team in self.teams.values():
            members = self._of_team.setdefault(team.key, [])
            early = self._presales_of.setdefault(team.key, [])
            for lead in team.managers:
                for broker in lead.brokers:
                    self._places.setdefault(broker, []).append(Place(team.key, lead.person))
                    if broker not in members and self.has_role(broker, "broker"):
                        members.append(broker)
                    if broker not in early and self.has_role(broker, "presales"):
                        early.append(broker)

    def is_active(self, key: str) -> bool:
        """Whether the person is configured and active."""
        person = self.people.get(key)
        return person is not None and person.active

    def has_role(self, key: str, *roles: str) -> bool:
        """Whether the person is configured with one of these roles."""
        return key in self.people and self.people[key].role in roles

    def members_of(self, teams: tuple[str, ...], part: str) -> tuple[str, ...]:
        """Brokers of the teams in the order of the file, each once; of the part `presales`, their people of pre-sales.
        Found once: every OPV asks."""
        if (teams, part) not in self._members:
            of_team = self._of_team if part == "sales" else self._presales_of
            people = dict.fromkeys(person for team in teams for person in of_team.get(team, ()))
            self._members[teams, part] = tuple(people)
        return self._members[teams, part]

    def known_as(self, words: str) -> str | None:
        """The broker whom somebody outside calls so: by key, name, e-mail, phone or CRECI, unless several are."""
        return self._known.get(_compact(words))

    def place(self, broker: str, teams: Sequence[str] = ()) -> Place:
        """The broker's team and manager, in one of `teams` when it is in one of them."""
        places = self._places.get(broker, [])
        fitting = [place for place in places if place.team in teams]
        return next(iter(fitting or places), Place(None, None))

    def places(self, broker: str) -> Sequence[Place]:
        """All places of the broker, in the order of the file."""
        return self._places.get(broker, ())

    def are_led_together(self, one: str, other: str) -> bool:
        """Whether a manager leads both."""
        managers = {place.manager for place in self.places(one)}
        return any(place.manager in managers for place in self.places(other))

    def led(self) -> list[Place]:
        """Every team with each of its managers, in the order of the file."""
        return [Place(team.key, lead.person) for team in self.teams.values() for lead in team.managers]

    def brokers_led_by(self, manager: str) -> list[str]:
        """Brokers and people of pre-sales that the manager leads at present."""
        return [b for b, places in self._places.items() if any(place.manager == manager for place in places)]


def _known(people: Iterable[Person]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for person in people:
        if person.role == "broker":
            for words in (person.key, person.name, person.email, person.phone, person.creci):
                if words:
                    found.setdefault(_compact(words), set()).add(person.key)
    return {words: next(iter(keys)) for words, keys in found.items() if len(keys) == 1}


def _compact(words: str) -> str:
    """Folded; a number by its digits, those of Brazil without the country's."""
    text = fold(words)
    digits = re.sub(r"[\s().+-]", "", text)
    return (
        digits.removeprefix("55")
        if len(digits) >= 12 and digits.isdecimal()
        else digits
        if digits.isdecimal()
        else text
    )

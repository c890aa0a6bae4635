"""The house: company, people, teams, and who is told of what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.config.caps import Caps
from schemas.config.values import Calendar, Key, Part, Text, Zone


class Company(Part):
    """The house."""

    name: Text = "Porteiro"
    timezone: Zone = "America/Sao_Paulo"
    """Of times that a sender gives without a zone, and of business days."""
    holidays: Calendar = "BR"
    """A country or country-subdivision of the `holidays` library, as `BR-SP`: no business days."""


class Person(Part):
    """Someone of the house. The key names the person everywhere else in the file, and in the API."""

    key: Key
    name: Text
    role: Literal["director", "manager", "broker", "presales", "ops"]
    """`presales`: qualifies leads before sales (pré-atendimento); `ops`: keeps the house running, sees no person."""
    email: Text | None = None
    phone: Text | None = None
    creci: Text | None = None
    tags: list[Key] = Field(default_factory=list)
    """What the person can do, for the `skills` that queues and rules ask for."""
    caps: Caps = Field(default_factory=Caps)
    """Besides those of the queues."""
    active: bool = True
    """`false`: gets no lead and no message; what the person did stays."""


class TeamManager(Part):
    """A manager of a team and the brokers led, people of pre-sales among them: these are led, but get no lead of a
    queue."""

    person: Key
    brokers: list[Key] = Field(default_factory=list)


class Team(Part):
    """Managers and their brokers."""

    key: Key
    name: Text
    managers: list[TeamManager] = Field(default_factory=list)


class Alarms(Part):
    """Who is told when something of the house needs a person: keys of people; directors and operators when none."""

    notify: list[Key] = Field(default_factory=list)


class Legal(Part):
    """Personal data, as the law (LGPD) asks."""

    officer: Key | None = None
    """The person who answers for it (encarregado) and may export and erase besides directors."""

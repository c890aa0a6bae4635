"""The house: company, people, teams, and who is told of what."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from schemas.config.caps import Caps
from schemas.config.values import Calendar, DayOff, Key, Part, ShiftText, SpanText, Text, Zone


class Company(Part):
    """The house."""

    name: Text = "Porteiro"
    timezone: Zone = "America/Sao_Paulo"
    """Of times that a sender gives without a zone, and of business time."""
    holidays: Calendar = "BR"
    """A country or country-subdivision of the `holidays` library, as `BR-SP` or `BR-São Paulo Capital`."""
    days_off: list[DayOff] = Field(default_factory=list)
    """Holidays that the calendar lacks and breaks of the house: dates, `2026-12-24`, or days of every year, `01-25`."""
    shifts: list[ShiftText] = Field(default=["mon-fri 09:00-18:00"], min_length=1)
    """What business minutes and hours count in. They keep nobody from getting leads: shifts of a team or person do."""


class Located(Part):
    """Where somebody works. What is not written is the team's, then the company's."""

    timezone: Zone | None = None
    holidays: Calendar | None = None
    days_off: list[DayOff] | None = None
    """Take the place of the company's."""


class Working(Located):
    """Where and when somebody works."""

    shifts: list[ShiftText] | None = None
    """Leads come in these hours alone. `[]`: at any hour, whatever the team has."""


class Absence(Part):
    """Days on which a person does not work, first and last included, in the person's zone."""

    model_config = ConfigDict(populate_by_name=True)

    from_: date = Field(alias="from")
    to: date
    reason: Literal["vacation", "sick", "other"] = "other"

    @model_validator(mode="after")
    def _in_order(self) -> Absence:
        if self.to < self.from_:
            raise ValueError(f"it ends on {self.to}, before it begins: write a later `to`")
        return self


class Person(Working):
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
    absences: list[Absence] = Field(default_factory=list)


class TeamManager(Part):
    """A manager of a team and the brokers led, people of pre-sales among them: these are led, but get no lead of a
    queue."""

    person: Key
    brokers: list[Key] = Field(default_factory=list)


class Team(Working):
    """Managers and their brokers."""

    key: Key
    name: Text
    managers: list[TeamManager] = Field(default_factory=list)


class Alarms(Part):
    """Who is told when something of the house needs a person: keys of people; directors and operators when none."""

    notify: list[Key] = Field(default_factory=list)
    undistributed_after: SpanText | None = "30 minutes"
    """How long an OPV may be without a broker, offered or in a pool too, before they are told; `null`: for ever."""


class Legal(Part):
    """Personal data, as the law (LGPD) asks."""

    officer: Key | None = None
    """The person who answers for it (encarregado) and may export and erase besides directors."""

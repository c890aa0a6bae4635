"""The configuration file (`porteiro.yaml`) as pydantic models. Unknown keys are refused.

References between parts (a team's brokers, a rule's queue) are checked by `porteiro.configuration`, which
knows the line of everything; here only shapes.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from schemas.duration import Duration

_KEY = re.compile(r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$")


def _key(value: str) -> str:
    if not _KEY.match(value):
        raise ValueError("a key has 1 to 64 lower-case letters, digits, '-' or '_'")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone: write for example America/Sao_Paulo") from None
    return value


def _duration(value: str) -> str:
    Duration.parse(value)
    return value


def _scalar_text(value: Any) -> Any:
    """A YAML scalar where text is meant: `listings: [101]` is the code "101"."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Key = Annotated[str, BeforeValidator(_scalar_text), AfterValidator(_key)]
Text = Annotated[str, BeforeValidator(_scalar_text), Field(min_length=1, max_length=500)]
Zone = Annotated[str, AfterValidator(_zone)]
DurationText = Annotated[str, AfterValidator(_duration)]


class Part(BaseModel):
    """Base of every part of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(Part):
    """The house. `holidays` is a country or country-subdivision of the `holidays` library, as `BR-SP`."""

    name: Text = "Porteiro"
    timezone: Zone = "America/Sao_Paulo"
    holidays: str = Field("BR", pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")


class Person(Part):
    key: Key
    name: Text
    role: Literal["director", "manager", "broker", "ops"]
    email: Text | None = None
    phone: Text | None = None
    creci: Text | None = None
    active: bool = True


class TeamManager(Part):
    person: Key
    brokers: list[Key] = Field(default_factory=list)


class Team(Part):
    key: Key
    name: Text
    managers: list[TeamManager] = Field(default_factory=list)


class Development(Part):
    """`aliases` are other names senders use; `listings` the listing codes (portal feed) that belong to it."""

    key: Key
    name: Text
    aliases: list[Text] = Field(default_factory=list)
    listings: list[Text] = Field(default_factory=list)
    teams: list[Key] = Field(default_factory=list)
    city: Text | None = None
    state: Text | None = None


LeadDefault = Literal["campaign", "medium", "origin", "development", "listing", "transaction", "price", "city", "state"]


class Channel(Part):
    """An entrance. `options` belong to the source; `defaults` fill what a lead lacks; `mapping` says where a
    lead's field is in the body (`name: contato.nome`), for sources of free shape."""

    key: Key
    source: Text
    secrets: list[Text] = Field(default_factory=list)
    options: dict[str, Any] = Field(default_factory=dict)
    defaults: dict[LeadDefault, Text] = Field(default_factory=dict)
    mapping: dict[str, Text] = Field(default_factory=dict)


class Stage(Part):
    key: Key
    name: Text


class Funnel(Part):
    key: Key = "sales"
    name: Text = "Vendas"
    stages: list[Stage] = Field(min_length=1)


class Returning(Part):
    """What a known person's new lead becomes. `scope`: the open OPV is looked for in the whole house or in the
    lead's development. `open`/`closed`: what to do when there is one. `keep_broker_days`: how long after an
    OPV's last assignment its broker keeps the client."""

    scope: Literal["house", "development"] = "house"
    open: Literal["card", "new"] = "card"
    closed: Literal["reopen", "new"] = "new"
    keep_broker_days: int = Field(180, ge=0, le=36500)


class InlineQueue(Part):
    """Brokers take turns: those of `teams`, or of the lead's development's teams, or a named list."""

    strategy: Literal["round_robin"] = "round_robin"
    teams: list[Key] = Field(default_factory=list)
    brokers: list[Key] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_membership(self) -> InlineQueue:
        if self.teams and self.brokers:
            raise ValueError("a queue names teams or brokers, not both")
        return self


class Queue(InlineQueue):
    key: Key


class Rule(Part):
    key: Key
    when: dict[str, Any] = Field(default_factory=dict)
    queue: Key | InlineQueue


class Distribution(Part):
    rules: list[Rule] = Field(default_factory=list)


class InStage(Part):
    """Fires when an OPV has been in the stage, without leaving it, for the duration."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    in_stage: Key
    for_: DurationText = Field(alias="for")


EventName = Literal["opv.created", "opv.captured", "opv.assigned", "stage.changed"]


class Advance(Part):
    """Moves the OPV forward to the stage; an OPV already there or past it stays."""

    advance: Key


class Comment(Part):
    comment: Text


class Notify(Part):
    """`broker` and `manager` of the OPV, `directors`, or a person's key."""

    notify: Key


class NoOptions(Part):
    """An action without options yet: `redistribute: {}`."""


class Redistribute(Part):
    """Gives the OPV to another broker by the distribution rules; the present one is left out."""

    redistribute: NoOptions


Action = Advance | Comment | Notify | Redistribute
ACTIONS: dict[str, type[Part]] = {
    "advance": Advance,
    "comment": Comment,
    "notify": Notify,
    "redistribute": Redistribute,
}


class Automation(Part):
    key: Key
    on: EventName | InStage
    when: dict[str, Any] = Field(default_factory=dict)
    do: list[Action] = Field(min_length=1)
    active: bool = True

    @field_validator("do", mode="before")
    @classmethod
    def _null_options(cls, value: Any) -> Any:
        """`redistribute:` with nothing behind it means no options."""
        if not isinstance(value, list):
            return value
        return [{"redistribute": {}} if item in ({"redistribute": None}, "redistribute") else item for item in value]


class WithdrawalReason(Part):
    key: Key
    name: Text
    needs_remarks: bool = False


class WonSale(Part):
    mode: Literal["direct", "documentation"] = "direct"


class Configuration(Part):
    """The whole file."""

    company: Company = Field(default_factory=Company)
    people: list[Person] = Field(default_factory=list)
    teams: list[Team] = Field(default_factory=list)
    developments: list[Development] = Field(default_factory=list)
    channels: list[Channel] = Field(default_factory=list)
    funnel: Funnel
    returning: Returning = Field(default_factory=Returning)
    queues: list[Queue] = Field(default_factory=list)
    distribution: Distribution = Field(default_factory=Distribution)
    automations: list[Automation] = Field(default_factory=list)
    withdrawal_reasons: list[WithdrawalReason] = Field(default_factory=list)
    won_sale: WonSale = Field(default_factory=WonSale)

"""The configuration file (`porteiro.yaml`) as pydantic models. Unknown keys are refused.

References between parts (a team's brokers, a rule's queue) are checked by `porteiro.configuration`, which
knows the line of everything; here only shapes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from schemas.config_values import Address, Calendar, DurationText, Key, Part, Pattern, SpanText, Text, Zone


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
    role: Literal["director", "manager", "broker", "ops"]
    email: Text | None = None
    phone: Text | None = None
    creci: Text | None = None
    active: bool = True
    """`false`: gets no lead and no message; what the person did stays."""


class TeamManager(Part):
    """A manager of a team and the brokers led."""

    person: Key
    brokers: list[Key] = Field(default_factory=list)


class Team(Part):
    """Managers and their brokers."""

    key: Key
    name: Text
    managers: list[TeamManager] = Field(default_factory=list)


class Development(Part):
    """What is sold."""

    key: Key
    name: Text
    aliases: list[Text] = Field(default_factory=list)
    """Other names that senders use; case and accents do not matter."""
    listings: list[Text] = Field(default_factory=list)
    """Listing codes (portal feed) that belong to it."""
    teams: list[Key] = Field(default_factory=list)
    """Teams that sell it: those of a queue that names none."""
    city: Text | None = None
    state: Text | None = None


class Named(Part):
    """A campaign, medium or origin that the house knows, by whichever of its names a sender uses."""

    key: Key
    name: Text
    aliases: list[Text] = Field(default_factory=list)
    """Other names that senders use; case and accents do not matter."""


LeadDefault = Literal["campaign", "medium", "origin", "development", "listing", "transaction", "price", "city", "state"]


class Reconcile(Part):
    """How often the platform is asked for leads that its webhook did not bring, and how far back."""

    every: SpanText = "1 hour"
    window: SpanText = "2 days"


class Channel(Part):
    """An entrance: the platform posts to `/hooks/<key>`."""

    key: Key
    source: Text
    secrets: list[Text] = Field(default_factory=list)
    """`${NAME}` each, read from the environment; any of them verifies, so that they can be rotated."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The source's own; a value may hold `${NAME}`."""
    defaults: dict[LeadDefault, Text] = Field(default_factory=dict)
    """Fill what a lead lacks."""
    mapping: dict[str, Text] = Field(default_factory=dict)
    """Where a lead's field is in the body (`name: contato.nome`), for sources of free shape."""
    reconcile: Reconcile = Field(default_factory=Reconcile)
    """For sources whose platform has an API that gives leads back."""
    forward_to: Address | None = None
    """Where each delivery is sent on, unchanged: the CRM beside which Porteiro runs. It may hold `${NAME}`."""


class Stage(Part):
    """A step of the funnel, in the order of the file."""

    key: Key
    name: Text


class Funnel(Part):
    """The way of an OPV; it begins in the first stage."""

    key: Key = "sales"
    name: Text = "Vendas"
    stages: list[Stage] = Field(min_length=1)


class Returning(Part):
    """What a known person's new lead becomes."""

    scope: Literal["house", "development"] = "house"
    """Where an OPV of the person is looked for: in the whole house or in the lead's development."""
    open: Literal["card", "new"] = "card"
    """With an open OPV: a new card on it, or a new OPV."""
    closed: Literal["reopen", "new"] = "new"
    """With closed ones alone: reopen the newest, or a new OPV."""
    keep_broker_days: int = Field(180, ge=0, le=36500)
    """How long after an OPV's last assignment its broker keeps the client."""


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
    """A queue (roleta) with turns of its own, for the rules that name it."""

    key: Key


def _queue_shape(value: Any) -> str:
    return "@inline" if isinstance(value, dict | InlineQueue) else "@key"


class Rule(Part):
    """Leads of which `when` holds go to the queue; without `when`, all. The first rule that holds decides."""

    key: Key
    when: dict[str, Any] = Field(default_factory=dict)
    queue: Annotated[Annotated[Key, Tag("@key")] | Annotated[InlineQueue, Tag("@inline")], Discriminator(_queue_shape)]
    """A queue's key, or a queue written here, which is then called as the rule."""


class Distribution(Part):
    """How leads find a broker."""

    rules: list[Rule] = Field(default_factory=list)


class InStage(Part):
    """Fires when an OPV has been in the stage, without leaving it, for the duration."""

    model_config = ConfigDict(populate_by_name=True)

    in_stage: Key
    for_: DurationText = Field(alias="for")


EventName = Literal["opv.created", "opv.captured", "opv.assigned", "stage.changed"]


class Advance(Part):
    """Moves the OPV forward to the stage; an OPV already there or past it stays."""

    advance: Key


class Comment(Part):
    """Writes the text into the OPV's history."""

    comment: Text


class Notify(Part):
    """`broker` and `manager` of the OPV, `directors`, or a person's key."""

    notify: Key


class NoOptions(Part):
    """An action without options yet: `redistribute: {}`."""


class Redistribute(Part):
    """Gives the OPV to another broker by the distribution rules; the present one is left out."""

    redistribute: NoOptions


ACTIONS: dict[str, type[Part]] = {
    "advance": Advance,
    "comment": Comment,
    "notify": Notify,
    "redistribute": Redistribute,
}


def _action_name(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((f"@{name}" for name in value if name in ACTIONS), None)
    return next((f"@{name}" for name, model in ACTIONS.items() if isinstance(value, model)), None)


Action = Annotated[
    Annotated[Advance, Tag("@advance")]
    | Annotated[Comment, Tag("@comment")]
    | Annotated[Notify, Tag("@notify")]
    | Annotated[Redistribute, Tag("@redistribute")],
    Discriminator(_action_name),
]


def _trigger_shape(value: Any) -> str:
    return "@in_stage" if isinstance(value, dict | InStage) else "@event"


class Automation(Part):
    """When `on` happens and `when` holds, the actions of `do` are done, in order."""

    key: Key
    on: Annotated[
        Annotated[EventName, Tag("@event")] | Annotated[InStage, Tag("@in_stage")], Discriminator(_trigger_shape)
    ]
    """An event, or `{in_stage: contacted, for: 3 business days}`."""
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
    """Why a client gives up; with `needs_remarks`, the broker must write a sentence."""

    key: Key
    name: Text
    needs_remarks: bool = False


class WonSale(Part):
    """How a sale is won."""

    mode: Literal["direct", "documentation"] = "direct"


class Alarms(Part):
    """Who is told when something of the house needs a person: keys of people; directors and operators when none."""

    notify: list[Key] = Field(default_factory=list)


class Deny(Part):
    """Whose leads are junk. Phones, e-mails and documents are compared as the house keeps them."""

    phones: list[Text] = Field(default_factory=list)
    emails: list[Text] = Field(default_factory=list)
    documents: list[Text] = Field(default_factory=list)
    patterns: list[Pattern] = Field(default_factory=list)
    """A text found in the name, the message or an e-mail, whatever the case and accents; `re:…` is a regular
    expression."""


class PerAddress(Part):
    """Leads that one visitor's address may send; those beyond are junk."""

    count: int = Field(5, ge=1, le=10_000)
    per: DurationText = "1 hour"


class FormJunk(Part):
    """What gives a robot away that fills in forms. All but `links_in_name` is about channels of the source `form`."""

    honeypot: list[Text] = Field(default_factory=list)
    """Fields that people do not see: a lead that fills one in is junk."""
    min_seconds: int = Field(0, ge=0, le=3600)
    """Sent sooner than this after the page was made is too fast; 0: no lead is."""
    rendered_at: Text = "rendered_at"
    """The form's field with the time at which the server made the page, in epoch seconds or milliseconds."""
    per_address: PerAddress | None = None
    links_in_name: bool = True
    """A link where the name should be is junk, on every channel but those of chats."""


class Junk(Part):
    """Leads that are ignored, with the reason; `porteiro deliveries accept ID` takes one all the same."""

    deny: Deny = Field(default_factory=Deny)
    form: FormJunk = Field(default_factory=FormJunk)


class Configuration(Part):
    """The whole file."""

    company: Company = Field(default_factory=Company)
    people: list[Person] = Field(default_factory=list)
    teams: list[Team] = Field(default_factory=list)
    developments: list[Development] = Field(default_factory=list)
    campaigns: list[Named] = Field(default_factory=list)
    """Campaigns by key; a lead's value that is a name of one becomes its key. Without any, values stay as sent."""
    media: list[Named] = Field(default_factory=list)
    """As `campaigns`, of a lead's `medium`."""
    origins: list[Named] = Field(default_factory=list)
    """As `campaigns`, of a lead's `origin`."""
    channels: list[Channel] = Field(default_factory=list)
    funnel: Funnel
    returning: Returning = Field(default_factory=Returning)
    queues: list[Queue] = Field(default_factory=list)
    distribution: Distribution = Field(default_factory=Distribution)
    automations: list[Automation] = Field(default_factory=list)
    withdrawal_reasons: list[WithdrawalReason] = Field(default_factory=list)
    won_sale: WonSale = Field(default_factory=WonSale)
    alarms: Alarms = Field(default_factory=Alarms)
    junk: Junk = Field(default_factory=Junk)

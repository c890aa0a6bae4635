"""What an automation does."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator

from schemas.config.values import DurationText, Key, Part, Text

Template = Annotated[str, Field(min_length=1, max_length=4000)]
"""Text with `{{ … }}` for what is known of the OPV (docs/automations.md lists the names), read by Jinja2 in its
sandbox."""


class Advance(Part):
    """Moves the OPV forward to the stage; an OPV already there or past it stays."""

    advance: Key


class Move(Part):
    """Moves the OPV into the stage, forward or back."""

    move: Key


class SetStatus(Part):
    """Gives the OPV a status of the stage that it is in."""

    status: Key


class Comment(Part):
    """Writes the text into the OPV's history."""

    comment: Template


class NotifyOptions(Part):
    """Who is told what, and through which targets."""

    to: list[Key] | Key
    """`broker`, `manager`, `team` (its managers and brokers), `directors`, `ops` (whom alarms are told), or people."""
    via: list[Key] = Field(default_factory=list)
    """Targets; without one, the log."""
    subject: Template | None = None
    text: Template | None = None


class Notify(Part):
    """Tells people of the house: `notify: broker`, or with options. In short: `broker` and `manager` of the OPV,
    `directors`, or a person's key."""

    notify: Key | NotifyOptions


class MessageOptions(Part):
    """What the client is written, and through which target."""

    via: Key
    """A target: `smtp`, `conecta` or `webhook`."""
    text: Template | None = None
    subject: Template | None = None
    template: Text | None = None
    """Of Conecta: the name of a WhatsApp template that WhatsApp has approved."""
    values: list[Template] = Field(default_factory=list)
    """What the template's places are filled with, in order."""
    quiet_hours: bool = True
    """Off: goes out in quiet hours too, for what the client asked for just now."""


class MessageClient(Part):
    """Writes to the OPV's main client; never to one who took back the consent to that way."""

    message: MessageOptions


class PostOptions(Part):
    """What is posted to whom."""

    to: Key
    """A target of the kind `webhook`."""
    body: dict[str, Any] = Field(default_factory=dict)
    """Texts in it are templates."""


class Post(Part):
    """Posts to another system, signed."""

    post: PostOptions


class NoOptions(Part):
    """An action without options: `stop: {}`."""


class RedistributeOptions(Part):
    """How the next broker is found."""

    by: Key | None = None
    """The rule or queue that alone is to give it out; without it, the rules in their order."""


class Redistribute(Part):
    """Gives the OPV to another broker by the distribution rules; the present one is left out."""

    redistribute: RedistributeOptions


class AssignOptions(Part):
    """Who gets the OPV: a broker, or a team's manager."""

    broker: Key | None = None
    team: Key | None = None
    manager: Key | None = None


class Assign(Part):
    """Gives the OPV to a person: `assign: ana`, or `assign: {team: sul, manager: paula}`."""

    assign: Key | AssignOptions


class Pool(Part):
    """Puts the OPV into a queue's pool (bolsão), where brokers of the queue claim it."""

    pool: Key


class PendingOptions(Part):
    """What is to be done, by whom and until when."""

    title: Template
    owner: Key = "broker"
    """`broker` or `manager` of the OPV, or a person."""
    due: DurationText = "1 business day"


class AddPending(Part):
    """Adds a pending item (pendência)."""

    pending: PendingOptions


class AddTag(Part):
    """Puts tags on the OPV."""

    tag: list[Key] | Key


class RemoveTag(Part):
    """Takes tags off the OPV."""

    untag: list[Key] | Key


class SetFields(Part):
    """Sets fields of the OPV: `set: {temperature: hot}`. A text may be a template, `null` empties the field."""

    set: dict[Key, str | int | Decimal | bool | None] = Field(min_length=1)


class AskQuestionnaire(Part):
    """Asks who serves the OPV to fill in the questionnaire: a pending item, unless it is filled in."""

    questionnaire: Key


class SaleOptions(Part):
    """Of the sale that the sales module is sent."""

    value: Key
    """The field of the OPV that holds the value in reais."""
    unit: Key
    """The field that holds the unit."""


class SendSale(Part):
    """Sends the OPV to the sales module, as the button of the won sale does."""

    sale: SaleOptions


class WithdrawOptions(Part):
    """Why, by key; without a reason: the one of `withdrawal_reasons` that is automatic."""

    reason: Key | None = None
    sub_reason: Key | None = None
    remarks: Text | None = None


class Withdraw(Part):
    """Closes the OPV as lost: `withdraw: {reason: no-answer}`."""

    withdraw: WithdrawOptions


class Run(Part):
    """Runs another automation, now, with its conditions."""

    run: Key


class WaitOptions(Part):
    """How long, and what must hold then."""

    model_config = ConfigDict(populate_by_name=True)

    for_: DurationText = Field(alias="for")
    if_: dict[str, Any] = Field(default_factory=dict, alias="if")
    """Must hold for the run to go on; so must `when` of the automation, if it held as the wait began."""


class Wait(Part):
    """Goes on later: `wait: 2 business hours`, or `wait: {for: 1 day, if: {first_contact: false}}`. A run ends instead
    when the OPV was closed meanwhile, when a person moved it, or when a condition holds no more."""

    wait: DurationText | WaitOptions


class BranchOptions(Part):
    """Which way the run goes on."""

    model_config = ConfigDict(populate_by_name=True)

    if_: dict[str, Any] = Field(alias="if")
    then: list[Action] = Field(default_factory=list)
    else_: list[Action] = Field(default_factory=list, alias="else")

    @field_validator("then", "else_", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return with_options(value)


class Branch(Part):
    """Does the actions of `then` if the condition holds at that moment, else those of `else`; then what follows."""

    branch: BranchOptions


class Stop(Part):
    """Ends the run."""

    stop: NoOptions


ACTIONS: dict[str, type[Part]] = {
    "advance": Advance,
    "move": Move,
    "status": SetStatus,
    "comment": Comment,
    "notify": Notify,
    "message": MessageClient,
    "post": Post,
    "redistribute": Redistribute,
    "assign": Assign,
    "pool": Pool,
    "pending": AddPending,
    "tag": AddTag,
    "untag": RemoveTag,
    "set": SetFields,
    "questionnaire": AskQuestionnaire,
    "sale": SendSale,
    "withdraw": Withdraw,
    "run": Run,
    "wait": Wait,
    "branch": Branch,
    "stop": Stop,
}

BARE = ("redistribute", "withdraw", "stop")
"""Actions that may be written without anything behind them."""


def _action_name(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((f"@{name}" for name in value if name in ACTIONS), None)
    return next((f"@{name}" for name, model in ACTIONS.items() if isinstance(value, model)), None)


def name_of(action: Part) -> str:
    """What the file calls the action."""
    return next(name for name, model in ACTIONS.items() if type(action) is model)


def with_options(value: Any) -> Any:
    """`redistribute:` or `- stop` with nothing behind it means no options."""
    if not isinstance(value, list):
        return value
    return [next(({name: {}} for name in BARE if item in (name, {name: None})), item) for item in value]


Action = Annotated[
    Annotated[Advance, Tag("@advance")]
    | Annotated[Move, Tag("@move")]
    | Annotated[SetStatus, Tag("@status")]
    | Annotated[Comment, Tag("@comment")]
    | Annotated[Notify, Tag("@notify")]
    | Annotated[MessageClient, Tag("@message")]
    | Annotated[Post, Tag("@post")]
    | Annotated[Redistribute, Tag("@redistribute")]
    | Annotated[Assign, Tag("@assign")]
    | Annotated[Pool, Tag("@pool")]
    | Annotated[AddPending, Tag("@pending")]
    | Annotated[AddTag, Tag("@tag")]
    | Annotated[RemoveTag, Tag("@untag")]
    | Annotated[SetFields, Tag("@set")]
    | Annotated[AskQuestionnaire, Tag("@questionnaire")]
    | Annotated[SendSale, Tag("@sale")]
    | Annotated[Withdraw, Tag("@withdraw")]
    | Annotated[Run, Tag("@run")]
    | Annotated[Wait, Tag("@wait")]
    | Annotated[Branch, Tag("@branch")]
    | Annotated[Stop, Tag("@stop")],
    Discriminator(_action_name),
]

BranchOptions.model_rebuild()

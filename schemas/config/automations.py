"""What happens by itself: triggers and actions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator

from schemas.config.values import DurationText, Key, Part, Text


class InStage(Part):
    """Fires when an OPV has been in the stage, without leaving it, for the duration."""

    model_config = ConfigDict(populate_by_name=True)

    in_stage: Key
    for_: DurationText = Field(alias="for")


EventName = Literal[
    "opv.created",
    "opv.captured",
    "opv.assigned",
    "opv.offered",
    "opv.accepted",
    "opv.returned",
    "opv.withdrawn",
    "opv.reopened",
    "opv.won",
    "stage.changed",
    "contact.added",
    "comment.added",
    "message.received",
    "call.received",
    "transfer.requested",
    "ownership.requested",
    "sale.process_opened",
    "sale.process_failed",
    "sale.process_status",
]
"""`opv.assigned` is the assignment in sales; pre-sales and sharing are none to an automation."""


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


class WithdrawOptions(Part):
    """Why, by key; without a reason: the one of `withdrawal_reasons` that is automatic."""

    reason: Key | None = None
    sub_reason: Key | None = None
    remarks: Text | None = None


class Withdraw(Part):
    """Closes the OPV as lost: `withdraw: {reason: no-answer}`."""

    withdraw: WithdrawOptions


ACTIONS: dict[str, type[Part]] = {
    "advance": Advance,
    "comment": Comment,
    "notify": Notify,
    "redistribute": Redistribute,
    "withdraw": Withdraw,
}


def _action_name(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((f"@{name}" for name in value if name in ACTIONS), None)
    return next((f"@{name}" for name, model in ACTIONS.items() if isinstance(value, model)), None)


Action = Annotated[
    Annotated[Advance, Tag("@advance")]
    | Annotated[Comment, Tag("@comment")]
    | Annotated[Notify, Tag("@notify")]
    | Annotated[Redistribute, Tag("@redistribute")]
    | Annotated[Withdraw, Tag("@withdraw")],
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
        """`redistribute:` or `withdraw:` with nothing behind it means no options."""
        if not isinstance(value, list):
            return value
        names = ("redistribute", "withdraw")
        return [next(({name: {}} for name in names if item in ({name: None}, name)), item) for item in value]

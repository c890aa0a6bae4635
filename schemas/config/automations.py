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
    "stage.changed",
    "sale.process_opened",
    "sale.process_failed",
    "sale.process_status",
]


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

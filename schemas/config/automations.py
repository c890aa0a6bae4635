"""What happens by itself: triggers, conditions and actions."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from schemas.config.actions import Action, with_options
from schemas.config.triggers import Trigger
from schemas.config.values import Key, Part, SpanText, Text


class Rate(Part):
    """How many runs may begin in a time; those beyond it begin later."""

    max: int = Field(ge=1, le=1_000_000)
    per: SpanText = "1 hour"


class Automation(Part):
    """When `on` happens and `when` holds, the actions of `do` are done, in order."""

    key: Key
    name: Text | None = None
    on: Trigger
    when: dict[str, Any] = Field(default_factory=dict)
    do: list[Action] = Field(min_length=1)
    active: bool = True
    older: bool = False
    """On: a time that is counted (`in_stage`, `without`, `before`, `after`) holds also for OPVs that were there before
    the automation became active; those whose time is over already are done soon."""
    pause_after: int = Field(20, ge=0, le=10_000)
    """Runs in a row that fail before the automation pauses itself and an alarm says so; 0: it never does."""
    rate: Rate | None = None

    @field_validator("do", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        """`redistribute:` or `withdraw:` with nothing behind it means no options."""
        return with_options(value)

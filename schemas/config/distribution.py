"""How leads find a broker: queues and rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from schemas.config.values import Key, Part


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

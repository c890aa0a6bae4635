"""Why an OPV is with whom it is: one decision of distribution, told for people."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

Decided = Literal["broker", "manager", "offered", "pool", "nobody"]
"""Who got the OPV: a broker, a manager without a broker, all brokers of a queue that it is offered to, whoever takes it
out of a pool, nobody."""


class RuleTried(BaseModel):
    """A rule, in the order of the configuration, and why it did not decide: `because` is a reason code, or which part
    of its condition failed; null when it decided. `broker`: whom it named."""

    rule: str
    matched: bool
    because: str | None = None
    broker: str | None = None
    sentence: str


class LeftOut(BaseModel):
    """A broker of the queue who was not given the OPV, the reason code, and the same in Portuguese."""

    broker: str
    reason: str
    sentence: str


class OtherQueue(BaseModel):
    """Another queue that was asked, and why it had nobody."""

    queue: str
    reason: str
    sentence: str
    candidates: list[str] = Field(default_factory=list)
    left_out: list[LeftOut] = Field(default_factory=list)


class EarlierDecision(BaseModel):
    """A decision before, or of another part, in brief."""

    at: datetime
    part: str
    decided: Decided
    broker: str | None
    manager: str | None
    rule: str | None
    queue: str | None
    sentence: str


class Why(BaseModel):
    """The newest decision over an OPV in sales (in pre-sales, before there is one), in one sentence (Portuguese) and in
    full. People, teams, rules and queues by key; `queue` may be a line of one, `queue@development`. `rule` is `manual`,
    `transfer` or `return` where no rule decided. `candidates` are the brokers of the queue who may have been given it,
    `left_out` the others; `missed` lost their turn by being away; `before` and `after` are the next in the line before
    and after the decision. An OPV that distribution did not see yet has no `at`."""

    opv: UUID
    number: int
    at: datetime | None
    part: str | None
    decided: Decided
    broker: str | None
    manager: str | None
    team: str | None
    rule: str | None
    queue: str | None
    turn: int | None
    reason: str | None
    sentence: str
    config_version: int | None
    rules: list[RuleTried] = Field(default_factory=list)
    candidates: list[str] = Field(default_factory=list)
    left_out: list[LeftOut] = Field(default_factory=list)
    missed: list[LeftOut] = Field(default_factory=list)
    before: list[str] = Field(default_factory=list)
    after: list[str] = Field(default_factory=list)
    fell_back: list[OtherQueue] = Field(default_factory=list)
    earlier: list[EarlierDecision] = Field(default_factory=list)
    """The newest first."""

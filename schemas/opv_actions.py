"""Bodies of the calls that act on an OPV."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from schemas.lead import Lead, SentPhone
from schemas.page import Since


def storable(value: str) -> str:
    """The text, unless no database could hold it."""
    if "\0" in value:
        raise ValueError("the text holds a NUL")
    return value


Word = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(storable)]
"""A key of the configuration."""
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(storable)]
Prose = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), AfterValidator(storable)
]


class Body(BaseModel):
    """Base: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CommentBody(Body):
    """A comment."""

    text: Prose


class ContactBody(Body):
    """A contact with the client: with the main one, unless `client` names another of the OPV. `place` is that of a
    visit. `at`: when it was, if not just now; that of a visit may be to come. `missed`: the client did not come to the
    visit."""

    kind: Literal["call", "whatsapp", "email", "visit"]
    place: Line | None = None
    outcome: Line | None = None
    text: Prose | None = None
    client: UUID | None = None
    at: Since | None = None
    missed: bool = False


class StageBody(Body):
    """The stage's key, and that of the status within it; the status alone, within the stage that the OPV is in."""

    stage: Word | None = None
    status: Word | None = None


class TransferBody(Body):
    """Who is to serve which part of the OPV, by key, and why. Without a broker it goes to the team's manager; `second`
    is the broker it is shared with, nobody without one."""

    part: Literal["sales", "presales", "second"] = "sales"
    broker: Word | None = None
    team: Word | None = None
    manager: Word | None = None
    reason: Line


class AcceptanceBody(Body):
    """The broker's answer to an OPV that it is to accept, and why not."""

    accept: bool = True
    reason: Line | None = None


class WithdrawalBody(Body):
    """A reason of the configuration, one of its sub-reasons where it has any, and remarks where it needs them."""

    reason: Word
    sub_reason: Word | None = None
    remarks: Prose | None = None


class WonSaleBody(Body):
    """What was sold: `value` in reais, the unit, and the day."""

    value: Decimal = Field(gt=0, max_digits=15, decimal_places=2)
    unit: Line
    date: dt.date


class RegistrationBody(Body):
    """A lead typed by hand; `broker` is who serves it, by key."""

    name: Line | None = None
    phones: list[Line] = Field(default_factory=list, max_length=10)
    emails: list[Line] = Field(default_factory=list, max_length=10)
    document: Line | None = None
    message: Prose | None = None
    development: Line | None = None
    campaign: Line | None = None
    medium: Line | None = None
    origin: Line | None = None
    city: Line | None = None
    state: Line | None = None
    broker: Word | None = None

    def lead(self) -> Lead:
        """What was typed, as any source's lead."""
        typed = self.model_dump(exclude={"phones", "broker"}, exclude_none=True)
        return Lead(**typed, phones=[SentPhone(value=phone) for phone in self.phones])

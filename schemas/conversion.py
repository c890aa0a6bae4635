"""Who serves an OPV: requests for it, and what became of a broker's portfolio."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from schemas.opv_actions import Body, Line, Prose, Word
from schemas.page import Paging

InvalidReason = Literal["wrong_number", "no_such_person", "duplicate", "spam", "other"]
RequestState = Literal["open", "granted", "refused", "void"]


class RequestFilters(Paging):
    """What a list of requests is narrowed to."""

    state: RequestState | None = None


class RequestBody(Body):
    """Whom the OPV is to go to, by key (without one: to whoever the rules find), and why."""

    broker: Word | None = None
    reason: Line


class AnswerBody(Body):
    """Whether the request is granted, and what is said to it."""

    grant: bool
    reason: Line | None = None


class InvalidBody(Body):
    """Why the lead is none, and what is to be said of it."""

    reason: InvalidReason
    text: Prose | None = None

    @model_validator(mode="after")
    def _said_what(self) -> InvalidBody:
        if self.reason == "other" and self.text is None:
            raise ValueError("say what is wrong with it in `text`")
        return self


class RequestItem(BaseModel):
    """A request that an OPV be given to `broker`. `kind`: `transfer`, by one who serves it; `ownership`, by one who
    registered its client by hand, which is `typed` then; `invalid`, by the broker who says that the lead is none, and
    adds `text`. `state` is `void` when the OPV was closed or given away before an answer. `opv` and `number` are null
    for who asks for an OPV that it does not see. `reason` and `answer` are the words of question and answer, null when
    there are none or they were erased. `may_grant`, `may_refuse`: whether the viewer may."""

    id: UUID
    kind: Literal["transfer", "ownership", "invalid"]
    state: RequestState
    opv: UUID | None
    number: int | None
    asked_by: str
    broker: str | None
    at: datetime
    reason: str | None
    text: str | None = None
    typed: dict[str, Any] | None
    answered_by: str | None
    answered_at: datetime | None
    answer: str | None
    may_grant: bool
    may_refuse: bool


class PortfolioBody(Body):
    """To whom a person's OPVs go: a broker, or whoever the rules find, or the rule or queue alone that `by` names.
    `include`: which OPVs."""

    broker: Word | None = None
    redistribute: bool = False
    by: Word | None = None
    reason: Line
    include: Literal["open"] = "open"

    @model_validator(mode="after")
    def _one_way(self) -> PortfolioBody:
        if (self.broker is None) != (self.redistribute or self.by is not None):
            raise ValueError("name a broker, or say redistribute or by: one of them")
        return self


class PortfolioItem(BaseModel):
    """How many OPVs of the person were moved by this call, and how many are left: with any, call again."""

    person: str
    moved: int
    left: int = Field(ge=0)

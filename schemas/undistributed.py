"""OPVs without a broker that are given out by hand, many at once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from schemas.opv_actions import Body, Line, Word

MOST = 1000
"""OPVs of one call."""


class WhichBody(Body):
    """Which OPVs: all that match."""

    reason: Word | None = None
    queue: Word | None = None
    development: Word | None = None


class WhomBody(Body):
    """A broker, or the manager of a team, by key."""

    broker: Word | None = None
    manager: Word | None = None
    team: Word | None = None

    @model_validator(mode="after")
    def _somebody(self) -> WhomBody:
        if not (self.broker or self.manager or self.team):
            raise ValueError("name a broker, a manager or a team")
        return self


class BulkAssignmentBody(Body):
    """Which OPVs without a broker (`opvs`, by id or number, or all that `filter` matches) go to whom: `to` somebody, or
    through a `queue`, by its turns. `after`: the `next` of the call before, to go on with a filter."""

    opvs: Annotated[list[Word | int], Field(min_length=1, max_length=MOST)] | None = None
    filter: WhichBody | None = None
    after: UUID | None = None
    to: WhomBody | None = None
    queue: Word | None = None
    reason: Line

    @model_validator(mode="after")
    def _one_of_each(self) -> BulkAssignmentBody:
        if (self.opvs is None) == (self.filter is None):
            raise ValueError("say which OPVs: `opvs` or `filter`, one of them")
        if (self.to is None) == (self.queue is None):
            raise ValueError("say whom they go to: `to` or `queue`, one of them")
        return self


class RefusedItem(BaseModel):
    """An OPV that was not given, as it was called, and why."""

    opv: str
    number: int | None
    reason: str
    detail: str


class BulkAssignmentItem(BaseModel):
    """How many OPVs were given, or put in the queue's hands, how many were already, and which were not. `next`: with a
    filter, where a call more goes on; null at the end."""

    given: int
    already: int
    refused: list[RefusedItem]
    next: UUID | None

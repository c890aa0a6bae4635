"""Pending items (pendências) of OPVs: what is typed, asked for and shown."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, model_validator

from schemas.opv_actions import Body, Line, Word
from schemas.page import Paging, Since

State = Literal["open", "done", "cancelled"]


class PendingItemBody(Body):
    """What is to be done until when, by whom (by key; the caller, when nobody is named)."""

    title: Line
    due_at: Since
    owner: Word | None = None


class PendingItemChangeBody(Body):
    """What is to be otherwise; the rest stays."""

    title: Line | None = None
    due_at: Since | None = None
    owner: Word | None = None

    @model_validator(mode="after")
    def _something(self) -> PendingItemChangeBody:
        if not (self.title or self.due_at or self.owner):
            raise ValueError("name a title, a due_at or an owner")
        return self


class PendingItemFilters(Paging):
    """What a list is narrowed to. `overdue`: open and past its time, or (`false`) not."""

    owner: str | None = None
    state: State | None = None
    overdue: bool | None = None


class PendingItem(BaseModel):
    """A pending item of the OPV `opv`, whose number is `number`. `title` is null once its client was erased.
    `questionnaire`: the one that it asks to fill in."""

    id: UUID
    opv: UUID
    number: int
    title: str | None
    owner: str
    due_at: datetime
    overdue: bool
    state: State
    created_by: str
    created_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    questionnaire: str | None

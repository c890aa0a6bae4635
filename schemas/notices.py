"""Notices as the person whom they are for finds them in the program."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from schemas.page import Paging


class NoticeFilters(Paging):
    """`unread`: those alone that the person has not marked as read."""

    unread: bool = False


class NoticeItem(BaseModel):
    """What the person was told of an OPV, in today's words: `subject` and `text` are put together when the list is
    read; without them, `reason` says why there is nothing to tell any more (`not_linked`: it is with somebody else)."""

    id: UUID
    at: AwareDatetime
    opv: UUID | None
    number: int | None = None
    subject: str | None = None
    text: str | None = None
    url: str | None = None
    reason: str | None = None
    read_at: AwareDatetime | None = None

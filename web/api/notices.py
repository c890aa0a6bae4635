"""What the caller was told by the house."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from opv.inbox import mark_read, notices_of
from schemas.errors import Reject
from schemas.notices import NoticeFilters, NoticeItem
from schemas.page import Page, Parameters
from web.api.auth import Calls

router = APIRouter(tags=["opvs"])


@router.get("/notices")
def list_notices(caller: Calls, filters: Annotated[NoticeFilters, Query()]) -> Page[NoticeItem]:
    """Notices to the caller that go to no target besides the house's own, the newest first."""
    with caller.reading() as visit:
        found = notices_of(visit.tx, visit.house, visit.viewer.person, caller.desk.clock(), filters)
        visit.note_reads({one.opv for one in found.items if one.opv and one.text}, "notices")
        return found


@router.post("/notices/{ident}/read")
def read_notice(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> NoticeItem:
    """Marks a notice as read."""
    with caller.acting() as visit:
        one = mark_read(visit.tx, visit.house, visit.viewer.person, caller.desk.clock(), _id(ident))
        visit.note_reads([one.opv] if one.opv and one.text else [], "notices")
        return one


def _id(ident: str) -> UUID:
    try:
        return UUID(ident)
    except ValueError:
        raise Reject("unknown_notice", "no such notice", 404) from None

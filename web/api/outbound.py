"""Messages that go out: what was parked, sending it again, and how the targets do."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from db.queries.outbound import target_items
from opv import dead_letters
from opv.access import sees_persons
from schemas.errors import Reject
from schemas.outbound import (
    MessageDetail,
    MessageFilters,
    MessageItem,
    MessageReplay,
    MessageReplayAnswer,
    TargetItem,
)
from schemas.page import Page, Parameters
from web.api.auth import Calls

router = APIRouter(tags=["operations"])


@router.get("/targets")
def list_targets(caller: Calls, _: Annotated[Parameters, Query()]) -> Page[TargetItem]:
    """Where messages go: whether it takes them, what waits, what was parked."""
    with caller.operating() as visit:
        slugs = {key: one.slug for key, one in visit.house.targets.items()}
        return visit.shown(Page(items=target_items(visit.tx, slugs)))


@router.get("/outbound")
def list_messages(caller: Calls, filters: Annotated[MessageFilters, Query()]) -> Page[MessageItem]:
    """Messages to people and systems, the newest first."""
    with caller.operating() as visit:
        return visit.shown(dead_letters.listed(visit.tx, filters))


@router.post("/outbound/replay", status_code=202)
def replay_messages(caller: Calls, wanted: MessageReplay, _: Annotated[Parameters, Query()]) -> MessageReplayAnswer:
    """Sends parked messages of a target, or with a reason, again: at most 1,000, the oldest first."""
    with caller.operating(write=True) as visit:
        now, by = caller.desk.clock(), visit.viewer.person
        done = visit.shown(dead_letters.replay_messages(visit.tx, wanted, visit.house, now, by))
    caller.desk.wake("outbound")
    return done


@router.get("/outbound/{ident}")
def show_message(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> MessageDetail:
    """A message with its body as stored; operations see the shape of what could be personal."""
    with caller.operating() as visit:
        found = dead_letters.detail(visit.tx, _id(ident), visit.house)
        if found.opv and sees_persons(visit.viewer):
            visit.note_reads([found.opv], "message")
        return visit.shown(found)


@router.post("/outbound/{ident}/replay", status_code=202)
def replay_message(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> MessageItem:
    """Sends a parked message again, with the key it always had; 409 when that makes no sense."""
    message = _id(ident)
    with caller.operating(write=True) as visit:
        now, by = caller.desk.clock(), visit.viewer.person
        done = visit.shown(dead_letters.replay_message(visit.tx, message, visit.house, now, by))
    caller.desk.wake("outbound")
    return done


def _id(ident: str) -> UUID:
    try:
        return UUID(ident)
    except ValueError:
        raise Reject("unknown_message", "no such message", 404) from None

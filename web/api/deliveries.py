"""Deliveries as received, and replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from db.queries import deliveries
from opv.access import sees_persons
from opv.house import House
from opv.replay import accept, preview, replay, replay_all
from schemas.errors import Reject
from schemas.operations import (
    BecameItem,
    DeliveryDetail,
    DeliveryFilters,
    DeliveryItem,
    PreviewItem,
    Replay,
    ReplayAnswer,
)
from schemas.page import Page, Parameters
from web.api.auth import Calls

router = APIRouter(prefix="/deliveries", tags=["operations"])


@router.get("")
def list_deliveries(caller: Calls, filters: Annotated[DeliveryFilters, Query()]) -> Page[DeliveryItem]:
    """Deliveries, newest first.

    One that holds only pointers to its leads stays `pending` until the platform has given them: its submissions
    then have the state `fetch`, with the failures so far and the time of the next try."""
    with caller.operating() as visit:
        return visit.shown(deliveries.page(visit.tx, filters))


@router.post("/replay", status_code=202)
def replay_deliveries(caller: Calls, wanted: Replay, _: Annotated[Parameters, Query()]) -> ReplayAnswer:
    """Reads the newest deliveries that match anew, at most 1,000; what was captured of them stays as it is. With
    `dry_run`, nothing is put back, and the answer says what would change."""
    filters = DeliveryFilters(outcome=wanted.outcome, channel=wanted.channel, reason=wanted.reason, since=wanted.since)
    with caller.operating(write=not wanted.dry_run) as visit:
        found = deliveries.ids(visit.tx, filters, wanted.limit + 1)
        matching, more = found[: wanted.limit], len(found) > wanted.limit
        if wanted.dry_run:
            changes = _changes(visit.tx, matching, visit.house)
            return visit.shown(ReplayAnswer(deliveries=len(matching), more=more, dry_run=True, changes=changes))
        done = replay_all(visit.tx, matching, caller.desk.clock(), visit.viewer.person)
    caller.desk.wake("ingest")
    return ReplayAnswer(deliveries=len(done), more=more, dry_run=False, changes=[])


@router.get("/{ident}")
def show_delivery(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> DeliveryDetail:
    """A delivery with the request as stored, secrets masked; operations see the shape of what is personal."""
    with caller.operating() as visit:
        found = deliveries.detail(visit.tx, _id(ident))
        if found is None:
            raise _unknown()
        if sees_persons(visit.viewer):
            visit.note_reads((one.opv for one in found.submissions if one.opv), "delivery")
        return visit.shown(found)


@router.post("/{ident}/replay", status_code=202)
def replay_delivery(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> DeliveryItem:
    """Reads a delivery anew. What was captured of it stays as it is; 409 while it still waits."""
    delivery = _id(ident)
    with caller.operating(write=True) as visit:
        replay(visit.tx, delivery, caller.desk.clock(), visit.viewer.person)
        found = deliveries.one(visit.tx, delivery)
    caller.desk.wake("ingest")
    if found is None:
        raise _unknown()
    return visit.shown(found)


@router.post("/{ident}/accept", status_code=202)
def accept_delivery(ident: str, caller: Calls, _: Annotated[Parameters, Query()]) -> DeliveryItem:
    """Takes a delivery all the same that was ignored as junk; 409 when it holds none."""
    delivery = _id(ident)
    with caller.operating(write=True) as visit:
        accept(visit.tx, delivery, caller.desk.clock(), visit.viewer.person)
        found = deliveries.one(visit.tx, delivery)
    caller.desk.wake("ingest")
    if found is None:
        raise _unknown()
    return visit.shown(found)


def _changes(tx: Connection, wanted: Sequence[UUID], house: House) -> list[PreviewItem]:
    return [
        PreviewItem(
            delivery=one.delivery,
            channel=house.entrances[one.channel].key if one.channel in house.entrances else "",
            before=BecameItem.model_validate(one.before._asdict()),
            after=BecameItem.model_validate(one.after._asdict()),
        )
        for one in preview(tx, wanted, house)
        if one.before != one.after
    ]


def _id(ident: str) -> UUID:
    try:
        return UUID(ident)
    except ValueError:
        raise _unknown() from None


def _unknown() -> Reject:
    return Reject("unknown_delivery", "no such delivery", 404)

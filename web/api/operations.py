"""What the people who run the house look at: channels, work, and the lists of what needs a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from db.queries import channels, operations, schedules, upkeep, work
from db.queries.drift import drifted
from schemas.operations import (
    AlarmItem,
    ChannelItem,
    DriftItem,
    MergeSuggestionItem,
    StepWork,
    UnmappedFilters,
    UnmappedItem,
)
from schemas.page import Page, Paging, Parameters
from schemas.schedules import ScheduleItem
from web.api.auth import Calls

router = APIRouter(tags=["operations"])


@router.get("/channels")
def list_channels(caller: Calls, _: Annotated[Parameters, Query()]) -> Page[ChannelItem]:
    """Entrances with their last delivery, the outcomes of 24 hours and what was refused at the door."""
    with caller.operating() as visit:
        return visit.shown(Page(items=channels.channels(visit.tx, caller.desk.clock())))


@router.get("/alarms")
def list_alarms(caller: Calls, paging: Annotated[Paging, Query()]) -> Page[AlarmItem]:
    """What a person must look at: silent channels, refused requests, tokens, leads that only reconciliation brought."""
    with caller.operating() as visit:
        return visit.shown(upkeep.alarms(visit.tx, paging))


@router.get("/drift")
def list_drift(caller: Calls, _: Annotated[Parameters, Query()]) -> Page[DriftItem]:
    """Fields that platforms sent and their source does not know, each once."""
    with caller.operating() as visit:
        return visit.shown(Page(items=drifted(visit.tx)))


@router.get("/work")
def list_work(caller: Calls, _: Annotated[Parameters, Query()]) -> Page[StepWork]:
    """Each step of the pipeline: depth, age of the oldest, rate, failures."""
    with caller.operating() as visit:
        return visit.shown(Page(items=list(work.work(visit.tx, caller.desk.clock()))))


@router.get("/schedules")
def list_schedules(caller: Calls, _: Annotated[Parameters, Query()]) -> Page[ScheduleItem]:
    """Scheduled automations: the next time, the run under way, the last ones."""
    with caller.operating() as visit:
        return visit.shown(Page(items=schedules.schedules(visit.tx, caller.desk.clock())))


@router.get("/unmapped")
def list_unmapped(caller: Calls, filters: Annotated[UnmappedFilters, Query()]) -> Page[UnmappedItem]:
    """Values that came in and mean nothing configured: listings, developments, campaigns, media, origins."""
    with caller.operating() as visit:
        return visit.shown(operations.unmapped(visit.tx, filters, visit.house.catalog.knows))


@router.get("/merge-suggestions")
def list_merge_suggestions(caller: Calls, paging: Annotated[Paging, Query()]) -> Page[MergeSuggestionItem]:
    """Clients that may be one person."""
    with caller.operating() as visit:
        return visit.shown(operations.merge_suggestions(visit.tx, paging))

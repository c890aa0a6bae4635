"""The queues of brokers (roletas)."""

from __future__ import annotations

from fastapi import APIRouter

from opv.distribution import pauses
from opv.distribution.show import queues
from schemas.operations import PauseItem, QueueItem
from schemas.page import Page
from web.api.actions import NoParameters
from web.api.auth import Calls

router = APIRouter(prefix="/queues", tags=["distribution"])


@router.get("")
def list_queues(caller: Calls, _: NoParameters) -> Page[QueueItem]:
    """The queues of brokers (roletas): whose turn is next, who is left out now and why, turns, shares."""
    with caller.operating() as visit:
        return visit.shown(Page(items=queues(visit.tx, visit.house, caller.desk.clock())))


@router.post("/{key}/pause")
def pause_queue(key: str, caller: Calls, _: NoParameters) -> PauseItem:
    """Lets a queue give nothing until it is resumed."""
    with caller.acting() as visit:
        return pauses.pause(visit.tx, visit.house, visit.viewer, caller.desk.clock(), key)


@router.post("/{key}/resume")
def resume_queue(key: str, caller: Calls, _: NoParameters) -> PauseItem:
    """Lets a queue give again; what waited for it is looked at again at once."""
    with caller.acting() as visit:
        item, woken = pauses.resume(visit.tx, visit.house, visit.viewer, caller.desk.clock(), key)
    caller.wake(woken)
    return item

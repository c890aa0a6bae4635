"""Who is there to take leads."""

from __future__ import annotations

from fastapi import APIRouter

from opv.distribution import availability
from schemas.availability import AvailabilityBody, AvailabilityItem
from schemas.page import Page
from web.api.actions import NoParameters
from web.api.auth import Calls

router = APIRouter(prefix="/availability", tags=["distribution"])


@router.get("")
def list_availability(caller: Calls, _: NoParameters) -> Page[AvailabilityItem]:
    """What the people who get leads said of themselves: of those whom the caller leads, and of itself."""
    with caller.reading() as visit:
        return Page(items=availability.listed(visit.tx, visit.house, visit.viewer, caller.desk.clock()))


@router.get("/{person}")
def show_availability(person: str, caller: Calls, _: NoParameters) -> AvailabilityItem:
    """What a person said of itself."""
    with caller.reading() as visit:
        return availability.one(visit.tx, visit.house, visit.viewer, caller.desk.clock(), person)


@router.put("/{person}")
def say_availability(person: str, caller: Calls, body: AvailabilityBody, _: NoParameters) -> AvailabilityItem:
    """Says that a person takes leads, at a stand (check-in) or anywhere, or pauses."""
    with caller.acting() as visit:
        item, woken = availability.say(visit.tx, visit.house, visit.viewer, caller.desk.clock(), person, body)
    caller.wake(woken)
    return item


@router.delete("/{person}", status_code=204)
def take_availability_back(person: str, caller: Calls, _: NoParameters) -> None:
    """Takes back what was said."""
    with caller.acting() as visit:
        woken = availability.take_back(visit.tx, visit.house, visit.viewer, caller.desk.clock(), person)
    caller.wake(woken)

"""OPVs without a broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from db.queries import undistributed as found
from opv.conversion import undistributed
from schemas.operations import UndistributedFilters, UndistributedPage
from schemas.undistributed import BulkAssignmentBody, BulkAssignmentItem
from web.api.actions import NoParameters
from web.api.auth import Caller, Calls

router = APIRouter(prefix="/undistributed", tags=["distribution"])


@router.get("")
def list_undistributed(caller: Calls, filters: Annotated[UndistributedFilters, Query()]) -> UndistributedPage:
    """OPVs that wait for a broker: why, since when, in which queue, and how many there are of each reason."""
    with caller.operating() as visit:
        return visit.shown(found.page(visit.tx, filters, caller.desk.clock()))


@router.post("/assignment")
def assign_undistributed(caller: Calls, body: BulkAssignmentBody, _: NoParameters) -> BulkAssignmentItem:
    """Gives OPVs without a broker to somebody, or through a queue: 1,000 at most. Called again, it gives those alone
    that were not given yet."""
    with caller.reading() as visit:
        chosen = undistributed.choose(visit.tx, visit.house, visit.viewer, body)
    units = [_give(caller, body, ids) for ids in chosen.units()]
    return undistributed.told(chosen, units)


def _give(caller: Caller, body: BulkAssignmentBody, ids: Sequence[UUID]) -> undistributed.Given:
    with caller.acting() as visit:
        given = undistributed.give_some(visit.tx, visit.house, visit.viewer, caller.desk.clock(), body, ids)
    caller.wake(given.woken)
    return given

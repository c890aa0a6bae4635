"""OPVs without a broker given out by hand: chunk by chunk, each a unit of work; what cannot be given is told, one by
one. What was given is not given again, so that a call may be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select

from db.bulk import any_of, update_rows
from db.models import Base, DistributionWork
from db.queries import undistributed
from db.session import AnyRow
from opv import history
from opv.access import Viewer, decided_by, over, visible
from opv.actions import Acting, place_named, transfer
from opv.batch import OPVS, Batch, Cause, Opv, opvs_by_id
from opv.conversion.parts import give_presales
from opv.distribution.waiting import WAITING, only_by
from opv.house import House
from schemas.errors import Reject
from schemas.operations import UndistributedFilters
from schemas.undistributed import MOST, BulkAssignmentBody, BulkAssignmentItem, RefusedItem

CHUNK = 200
"""OPVs of a unit of work."""

_WORK = Base.metadata.tables["distribution_work"]


@dataclass(slots=True)
class Given:
    """What a unit of work came to, and the steps to wake after the commit."""

    given: int = 0
    already: int = 0
    refused: list[RefusedItem] = field(default_factory=list)
    woken: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Ids of OPVs to give, those that are none of the viewer's, and where a filter goes on."""

    ids: Sequence[UUID]
    refused: Sequence[RefusedItem] = ()
    next: UUID | None = None

    def units(self) -> Iterator[Sequence[UUID]]:
        """The ids of each unit of work."""
        return (self.ids[at : at + CHUNK] for at in range(0, len(self.ids), CHUNK))


def told(chosen: Chosen, units: Iterable[Given]) -> BulkAssignmentItem:
    """What all units of work came to."""
    item = BulkAssignmentItem(given=0, already=0, refused=list(chosen.refused), next=chosen.next)
    for one in units:
        item.given += one.given
        item.already += one.already
        item.refused += one.refused
    return item


def choose(tx: Connection, house: House, viewer: Viewer, body: BulkAssignmentBody) -> Chosen:
    """Which OPVs are meant, at most `MOST`: of a filter, those that the viewer decides on. Raises `Reject`:
    `not_allowed` (403), `unknown_queue` (422), and what names nobody."""
    if viewer.role not in ("manager", "director"):
        raise Reject("not_allowed", "managers and directors give OPVs out, others not", 403)
    if body.queue is not None and body.queue not in house.queues:
        raise Reject("unknown_queue", f"there is no queue {body.queue}", 422)
    if body.to is not None:
        place_named(house.roster, body.to.broker, body.to.team, body.to.manager, "broker", "presales")
    if body.filter is not None:
        filters = UndistributedFilters(**body.filter.model_dump())
        ids = undistributed.ids(tx, filters, decided_by(viewer, house), body.after, MOST + 1)
        return Chosen(ids[:MOST], next=ids[MOST - 1] if len(ids) > MOST else None)
    called = list(dict.fromkeys(map(str, body.opvs or ())))
    found = undistributed.named(tx, visible(viewer, house), called)
    unknown = [
        RefusedItem(opv=one, number=None, reason="unknown_opv", detail="no such OPV")
        for one in called
        if one not in found
    ]
    return Chosen(sorted(set(found.values())), unknown)


def give_some(
    tx: Connection, house: House, viewer: Viewer, now: datetime, body: BulkAssignmentBody, ids: Sequence[UUID]
) -> Given:
    """Gives OPVs as the body says, in the order of their ids. A fixed number of statements."""
    w = DistributionWork
    listed = any_of(tx, w.opportunity_id.expression, ids)
    rows = tx.execute(select(*_WORK.c).where(listed).order_by(w.opportunity_id).with_for_update())
    waits = {row.opportunity_id: row for row in rows}
    batch, cause, done = Batch(house, now), Cause(f"person:{viewer.person}"), Given()
    batch.opvs = opvs_by_id(OPVS.rows(tx, ids=ids))
    off_list: list[UUID] = []
    queued: list[dict[str, Any]] = []
    for opv in batch.opvs.values():
        at, work = Acting(tx, batch, opv, cause, viewer), waits.get(opv.id)
        try:
            _check(at)
            if _is_done(opv, work, body):
                done.already += 1
                continue
            _check_waits(opv, work)
            if body.queue is not None:
                queued.append(_queue(at, body.queue, body.reason))
            else:
                _assign(at, body, work)
                off_list += [opv.id] if at.off_list else []
            done.given += 1
        except Reject as no:
            done.refused.append(RefusedItem(opv=str(opv.id), number=opv.number, reason=no.reason, detail=no.detail))
    batch.write(tx)
    if off_list:
        tx.execute(delete(w).where(any_of(tx, w.opportunity_id.expression, off_list)))
    update_rows(tx, _WORK, ("opportunity_id",), queued)
    done.woken = batch.woken | ({"distribution"} if queued else set())
    return done


def _check(at: Acting) -> None:
    at.require_open()
    if at.viewer is not None and not over(at.viewer, at.batch.house, at.opv):
        raise Reject("not_allowed", "managers give out what is theirs or their brokers', directors all", 403)


def _is_done(opv: Opv, work: AnyRow | None, body: BulkAssignmentBody) -> bool:
    """Whether an earlier call has given it already."""
    if body.queue is not None:
        return work is not None and work.state == WAITING and work.rule == only_by(body.queue)
    if body.to is None or body.to.broker is None:
        return False
    served = opv.broker == body.to.broker and work is None
    early = opv.presales_broker == body.to.broker and (work is None or work.part != "presales")
    return served or early


def _check_waits(opv: Opv, work: AnyRow | None) -> None:
    if work is None or (work.reason is None and opv.broker is not None):
        raise Reject("not_undistributed", "the OPV does not wait for a broker: transfer it", 409)


def _queue(at: Acting, queue: str, reason: str) -> dict[str, Any]:
    """Leaves the OPV to the queue; gives what its row on the list is to say."""
    data = {"broker": at.opv.broker, "by": queue}
    at.batch.record(at.opv, history.REDISTRIBUTION_ASKED, at.cause, data, {"reason": reason})
    return {
        "opportunity_id": at.opv.id, "state": WAITING, "rule": only_by(queue), "reason": None, "due_at": at.batch.now,
        "broker": None, "queue": None, "lease": None, "attempts": 0,
    }  # fmt: skip


def _assign(at: Acting, body: BulkAssignmentBody, work: AnyRow | None) -> None:
    to = body.to.model_dump() if body.to is not None else {}
    if to["broker"] is not None and at.batch.house.roster.has_role(to["broker"], "presales"):
        give_presales(at, body.reason, **to)
        at.off_list = work is not None and work.part == "presales"
    else:
        transfer(at, body.reason, **to)

"""What the funnel's rules ask of OPVs and their rows do not tell, loaded for a whole batch at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from uuid import UUID

from sqlalchemy import Connection, func, select

from db.models import Base
from db.statement import Statement
from opv.batch import Batch, Opv
from opv.clients.involved import involved_of_all
from opv.funnel import OF_CLIENTS, Held
from opv.house import House

_ITEMS = Base.metadata.tables["pending_items"]

_PENDING = Statement(
    lambda one_of: (
        select(_ITEMS.c.opportunity_id, func.count().label("pending"))
        .where(one_of(_ITEMS.c.opportunity_id, "opvs"), _ITEMS.c.state == "open")
        .group_by(_ITEMS.c.opportunity_id)
    )
)


def held_by(tx: Connection, batch: Batch, opv: Opv) -> Held:
    """What the OPV has. The first question loads it for all OPVs of the batch: two statements at most, and none for
    what no stage of the funnel requires."""
    if opv.id not in batch.held:
        batch.held.update(_load(tx, batch.house, batch.opvs.keys() - batch.held.keys()))
    return batch.held[opv.id]


def held_of(tx: Connection, house: House, opv: UUID) -> Callable[[], Held]:
    """Gives what one OPV has, loaded at the first question."""
    return cache(lambda: _load(tx, house, [opv])[opv])


def _load(tx: Connection, house: House, opvs: Collection[UUID]) -> dict[UUID, Held]:
    asked = {one for stage in house.stages.values() for one in (*stage.requires, *stage.leave_requires)}
    people = involved_of_all(tx, opvs) if asked & OF_CLIENTS else {}
    counted = _PENDING.rows(tx, opvs=opvs) if "nothing_pending" in asked else ()
    pending = {row.opportunity_id: row.pending for row in counted}
    return {id_: Held(people.get(id_, ()), pending.get(id_, 0)) for id_ in opvs}

"""OPVs of stages that the configuration has no more go where its `moved` says, in a walk through the open ones in the
order of their ids. It keeps its place, so that it goes on after a crash; with other entries it begins anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Connection, select

from db.bulk import any_of
from db.models import Base
from opv.batch import OPVS, Batch, Cause, opvs_by_id
from opv.distribution.waiting import put_on_list
from opv.house import House

_OPPORTUNITIES = Base.metadata.tables["opportunities"]

AT_ONCE = 200
"""OPVs moved in one unit of work."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Where OPVs go, by their old stage, and the last one that was looked at."""

    moved: Mapping[str, str]
    place: str | None = None

    @classmethod
    def of(cls, text: str, house: House) -> Walk:
        """The walk to go on with: what was kept, or a new one."""
        kept = json.loads(text)
        return cls(house.moved, kept["place"] if kept.get("moved") == house.moved else None)

    def text(self) -> str:
        """To be kept in a row."""
        return json.dumps({"moved": self.moved, "place": self.place})


def move_some(tx: Connection, batch: Batch, walk: Walk) -> tuple[int, Walk]:
    """Moves the next OPVs, as `system` and whatever the funnel's rules say; how many were looked at (none: the walk is
    at its end), and how far it is."""
    o = _OPPORTUNITIES.c
    statement = select(o.id).where(o.status == "open", any_of(tx, o.stage, walk.moved))
    if walk.place is not None:
        statement = statement.where(o.id > UUID(walk.place))
    ids = list(tx.execute(statement.order_by(o.id).limit(AT_ONCE)).scalars())
    if not ids:
        return 0, replace(walk, place=None)
    batch.opvs = opvs_by_id(OPVS.rows(tx, ids=ids))
    for opv in batch.opvs.values():
        if opv.status == "open" and opv.stage in walk.moved:
            batch.move(opv, walk.moved[opv.stage], Cause("system"), {"retired": True})
    batch.write(tx)
    put_on_list(tx, batch, {})
    return len(ids), replace(walk, place=str(ids[-1]))

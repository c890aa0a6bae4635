"""The list of OPVs that wait for a broker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, or_, select

from db.bulk import add_new, insert_rows
from db.models import Base
from db.models.assignment import ONLY_BY
from db.statement import Statement
from opv.batch import Batch, Cause
from opv.house import House

_WORK = Base.metadata.tables["distribution_work"]

WAITING, OFFERED, POOL, ACCEPTING = "waiting", "offered", "pool", "accepting"
"""States of a row of the list."""


def only_by(rule: str) -> str:
    """What the row of an OPV says that this rule or queue alone is to give out."""
    return ONLY_BY + rule


def only_way(rule: str | None) -> str | None:
    """The rule or queue that alone is to give it out, when the row says so."""
    return rule.removeprefix(ONLY_BY) if rule is not None and rule.startswith(ONLY_BY) else None


# One that is being distributed just now is left to that worker, who waits for the OPV.
_REPLACED = Statement(
    lambda one_of: delete(_WORK).where(
        _WORK.c.opportunity_id.in_(
            select(_WORK.c.opportunity_id)
            .where(one_of(_WORK.c.opportunity_id, "opvs"), or_(_WORK.c.state == ACCEPTING, _WORK.c.part == "presales"))
            .with_for_update(skip_locked=True)
        )
    )
)


def waiting_row(
    opv: UUID,
    now: datetime,
    *,
    prefer: str | None = None,
    prefer_at: datetime | None = None,
    exclude: str | None = None,
    part: str = "sales",
    cause: Cause | None = None,
    only: str | None = None,
) -> dict[str, Any]:
    """A row of the list, due now. `prefer`: the broker who served the client last, at `prefer_at` (None: serves it
    still); `exclude`: the one to leave out; `cause`: the automation that asks for it, so that a loop of automations is
    seen through the list; `only`: the rule or queue that is to give it out, instead of the first that fits."""
    return {
        "opportunity_id": opv, "since": now, "due_at": now, "prefer": prefer, "prefer_at": prefer_at,
        "exclude": exclude, "reason": None, "depth": cause.depth if cause else 0,
        "chain": ",".join(cause.chain) if cause else "", "part": part, "state": WAITING, "broker": None,
        "queue": None, "rule": None if only is None else only_by(only), "hops": 0,
    }  # fmt: skip


def first_part(house: House, stage: str) -> str:
    """Which part of an OPV in the stage is distributed first: pre-sales in its stages, when a rule is for it."""
    return "presales" if stage in house.presales_stages and house.distributes("presales") else "sales"


def put_on_list(tx: Connection, batch: Batch, waiting: Mapping[UUID, dict[str, Any]]) -> None:
    """Adds rows, by OPV, and those of OPVs that were qualified in pre-sales meanwhile. Plain for new OPVs; one that
    was there before may be on the list already: one that waits for a broker in sales stays, any other waits anew."""
    rows = {id_: waiting_row(id_, batch.now) for id_ in batch.qualified} | dict(waiting)
    if not rows:
        return
    insert_rows(tx, _WORK, [row for id_, row in rows.items() if batch.opvs[id_].is_new])
    there = [rows[id_] for id_ in sorted(rows) if not batch.opvs[id_].is_new]
    if there:
        _REPLACED.send(tx, opvs=[row["opportunity_id"] for row in there])
        add_new(tx, _WORK, there, ("opportunity_id",))
    batch.woken.add("distribution")

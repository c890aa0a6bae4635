"""The list of OPVs that wait for a broker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, delete, or_, select, update

from db.bulk import add_new, insert_rows
from db.models import Base
from db.models.assignment import ONLY_BY
from db.statement import Statement
from opv.batch import Batch, Cause
from opv.house import House

_WORK = Base.metadata.tables["distribution_work"]
_OPVS = Base.metadata.tables["opportunities"]

_OF_CLIENTS = Statement(
    lambda one_of: select(
        _OPVS.c.client_id, _OPVS.c.status, _OPVS.c.broker, _OPVS.c.assigned_at, _OPVS.c.created_at
    ).where(one_of(_OPVS.c.client_id, "clients"), _OPVS.c.broker.is_not(None))
)

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


class Served(Protocol):
    """An OPV of a client, as far as it says who served it."""

    @property
    def status(self) -> str: ...
    @property
    def broker(self) -> str | None: ...
    @property
    def assigned_at(self) -> datetime | None: ...
    @property
    def created_at(self) -> datetime: ...


def broker_before(earlier: Iterable[Served]) -> tuple[str | None, datetime | None]:
    """The broker who serves an open OPV of the client, or else served the client last, and then since when."""
    served = [o for o in earlier if o.broker and o.assigned_at]
    if not served:
        return None, None
    open_ = [o for o in served if o.status == "open"]
    newest = max(open_ or served, key=lambda o: o.assigned_at or o.created_at)
    return newest.broker, None if open_ else newest.assigned_at


def first_part(house: House, stage: str) -> str:
    """Which part of an OPV in the stage is distributed first: pre-sales in its stages, when a rule is for it."""
    return "presales" if stage in house.presales_stages and house.distributes("presales") else "sales"


def relist(tx: Connection, batch: Batch, opv: UUID, changes: Mapping[str, Any]) -> None:
    """Changes the OPV's row, which is locked; a worker that claimed it meanwhile finds that it is no longer its own."""
    row = {**changes, "lease": None, "attempts": 0, "config_version": batch.house.version}
    tx.execute(update(_WORK).where(_WORK.c.opportunity_id == opv).values(**row))
    batch.woken.add("distribution")


def put_on_list(tx: Connection, batch: Batch, waiting: Mapping[UUID, dict[str, Any]]) -> None:
    """Adds rows, by OPV, and those of OPVs that were qualified in pre-sales meanwhile. Plain for new OPVs; one that
    was there before may be on the list already: one that waits for a broker in sales stays, any other waits anew."""
    rows = _qualified(tx, batch) | dict(waiting)
    if not rows:
        return
    insert_rows(tx, _WORK, [row for id_, row in rows.items() if batch.opvs[id_].is_new])
    there = [rows[id_] for id_ in sorted(rows) if not batch.opvs[id_].is_new]
    if there:
        _REPLACED.send(tx, opvs=[row["opportunity_id"] for row in there])
        add_new(tx, _WORK, there, ("opportunity_id",))
    batch.woken.add("distribution")


def _qualified(tx: Connection, batch: Batch) -> dict[UUID, dict[str, Any]]:
    """Rows of the OPVs that were qualified, whose clients' brokers keep them."""
    if not batch.qualified:
        return {}
    own: dict[UUID, list[Any]] = defaultdict(list)
    for row in _OF_CLIENTS.rows(tx, clients={batch.opvs[id_].client_id for id_ in batch.qualified}):
        own[row.client_id].append(row)
    rows = {}
    for id_ in batch.qualified:
        prefer, since = broker_before(own[batch.opvs[id_].client_id])
        rows[id_] = waiting_row(id_, batch.now, prefer=prefer, prefer_at=since)
    return rows

"""The list of OPVs that wait for a broker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.bulk import add_new, insert_rows
from db.models import Base
from opv.batch import Batch, Cause

_WORK = Base.metadata.tables["distribution_work"]


def waiting_row(
    opv: UUID, now: datetime, *, prefer: str | None = None, exclude: str | None = None, cause: Cause | None = None
) -> dict[str, Any]:
    """A row of the list, due now. `prefer`: the broker to keep the client; `exclude`: the one to leave out;
    `cause`: the automation that asks for it, so that a loop of automations is seen through the list."""
    return {
        "opportunity_id": opv, "since": now, "due_at": now, "prefer": prefer,
        "exclude": exclude, "reason": None, "depth": cause.depth if cause else 0,
        "chain": ",".join(cause.chain) if cause else "",
    }  # fmt: skip


def put_on_list(tx: Connection, batch: Batch, waiting: Mapping[UUID, dict[str, Any]]) -> None:
    """Adds rows, by OPV: plain for new OPVs; one that was there before may be on the list already."""
    if not waiting:
        return
    new = [row for id_, row in waiting.items() if batch.opvs[id_].is_new]
    there = [waiting[id_] for id_ in sorted(waiting) if not batch.opvs[id_].is_new]
    insert_rows(tx, _WORK, new)
    add_new(tx, _WORK, there, ("opportunity_id",))
    batch.woken.add("distribution")

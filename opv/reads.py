"""Reads of personal data are sealed into the chained histories, a day at a time, when the day is over. While it lasts
they are counted in a table of their own: a read must not wait for those who write to the OPV."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.queries import reads
from db.session import AnyRow
from opv import history
from opv.batch import OPVS, Batch, Cause, opvs_by_id
from opv.house import House

GRACE = timedelta(hours=1)
"""How long after its end (UTC) a day still may get reads: requests that were under way, clocks that go slow."""

SEALED_AT_ONCE = 500
"""Rows looked for at a time; those of the same OPVs are taken with them."""


def open_day(now: datetime) -> date:
    """The first day that may not be sealed yet."""
    return (now - GRACE).astimezone(UTC).date()


def seal_some(tx: Connection, house: House, now: datetime) -> int:
    """Seals reads of days that are over: an entry an OPV and day, and its `seq` with each read. Gives how many OPVs it
    took, 0 when there is nothing (more) to seal."""
    before = open_day(now)
    opvs = reads.unsealed_opvs(tx, before, SEALED_AT_ONCE)
    if not opvs:
        return 0
    batch = Batch(house, now)
    batch.opvs = opvs_by_id(OPVS.rows(tx, ids=opvs))
    by_day: dict[tuple[UUID, date], list[AnyRow]] = defaultdict(list)
    for row in reads.unsealed(tx, opvs, before):
        by_day[row.opportunity_id, row.day].append(row)
    sealed = []
    for (opv, day), rows in by_day.items():
        data = sealed_data(day, rows)
        seq = batch.record(batch.opvs[opv], history.PERSONAL_DATA_READ, Cause("system"), data)
        sealed += [(row, seq) for row in rows]
    batch.write(tx)
    reads.seal(tx, sealed)
    return len(opvs)


def sealed_data(day: date, rows: Iterable[Any]) -> dict[str, Any]:
    """Reads of one OPV and day as the history holds them, in the order of person and what was read."""
    return {
        "day": day.isoformat(),
        "reads": [
            {
                "person": row.person, "what": row.what, "first_at": history.stamp(row.first_at),
                "last_at": history.stamp(row.last_at), "times": row.times,
            }
            for row in sorted(rows, key=lambda row: (row.person, row.what))
        ],
    }  # fmt: skip

"""Values that did not resolve, counted per field, value and channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.bulk import any_of, insert_new, update_rows
from db.ids import new_id
from db.models import Base

_UNMAPPED = Base.metadata.tables["unmapped"]


def count_unmapped(tx: Connection, found: Sequence[tuple[str, str, str, UUID | None]], now: datetime) -> None:
    """Counts `(field, value, channel, capture)` occurrences: new ones inserted, known ones added to."""
    counts: dict[tuple[str, str, str], list[Any]] = {}
    for field, value, channel, capture in found:
        one = counts.setdefault((field, value, channel), [0, capture])
        one[0] += 1
        one[1] = capture
    rows = [
        {"id": new_id(), "field": key[0], "value": key[1], "channel": key[2], "count": 0, "first_at": now,
         "last_at": now, "last_capture_id": counts[key][1]}
        for key in sorted(counts)
    ]  # fmt: skip
    insert_new(tx, _UNMAPPED, rows, ("field", "value", "channel"), ("id",))
    c = _UNMAPPED.c
    there = tx.execute(
        select(c.id, c.field, c.value, c.channel, c.count)
        .where(any_of(tx, c.field, {key[0] for key in counts}), any_of(tx, c.value, {key[1] for key in counts}))
        .order_by(c.id)
        .with_for_update()
    ).all()
    changes = [
        {"id": row.id, "count": row.count + counts[key][0], "last_at": now, "last_capture_id": counts[key][1]}
        for row in there
        if (key := (row.field, row.value, row.channel)) in counts
    ]
    update_rows(tx, _UNMAPPED, ("id",), changes)

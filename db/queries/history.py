"""Reading histories back, whole chains at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, select

from db.bulk import any_of
from db.models import Base

_OPPORTUNITIES = Base.metadata.tables["opportunities"]
_ENTRIES = Base.metadata.tables["history_entries"]
_CONTENTS = Base.metadata.tables["history_contents"]

CHUNK = 500
"""OPVs read at a time."""


@dataclass(frozen=True, slots=True)
class Chain:
    """An OPV's head and its entries in order; each entry has seq, at, kind, actor, data, content_hash, hash, content,
    salt, erased_at."""

    opv: UUID
    number: int
    seq: int
    head: bytes
    entries: list[Any]


def chains(tx: Connection, *, since: datetime | None = None) -> Iterator[Chain]:
    """Every OPV's chain in the order of the OPVs; with `since`, of those with an entry from then on."""
    last: UUID | None = None
    while found := _chunk(tx, since, last):
        yield from found
        last = found[-1].opv


def _chunk(tx: Connection, since: datetime | None, after: UUID | None) -> list[Chain]:
    o, e, c = _OPPORTUNITIES.c, _ENTRIES.c, _CONTENTS.c
    statement = select(o.id, o.number, o.history_seq, o.history_head).order_by(o.id).limit(CHUNK)
    if after is not None:
        statement = statement.where(o.id > after)
    if since is not None:
        statement = statement.where(select(e.seq).where(e.opportunity_id == o.id, e.at >= since).exists())
    heads = tx.execute(statement).all()
    of: dict[UUID, list[Any]] = {row.id: [] for row in heads}
    rows = tx.execute(
        select(
            e.opportunity_id, e.seq, e.at, e.kind, e.actor, e.data, e.content_hash, e.hash, c.content, c.salt,
            c.erased_at,
        )
        .join(_CONTENTS, and_(c.opportunity_id == e.opportunity_id, c.seq == e.seq), isouter=True)
        .where(any_of(tx, e.opportunity_id, list(of)))
        .order_by(e.opportunity_id, e.seq)
    )  # fmt: skip
    for row in rows:
        of[row.opportunity_id].append(row)
    return [Chain(row.id, row.number, row.history_seq, row.history_head, of[row.id]) for row in heads]

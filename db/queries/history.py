"""Reading histories back, whole chains at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, func, or_, select

from db.bulk import any_of
from db.models import Base
from db.queries.checkpoints import first_since

_OPPORTUNITIES = Base.metadata.tables["opportunities"]
_ENTRIES = Base.metadata.tables["history_entries"]
_CONTENTS = Base.metadata.tables["history_contents"]
_HEADS = Base.metadata.tables["checkpoint_heads"]
_READS = Base.metadata.tables["personal_reads"]

CHUNK = 500
"""OPVs read at a time, fewer when their histories are long."""

CHUNK_ENTRIES = 20_000
"""Entries after which no further OPV is read with the others."""


@dataclass(frozen=True, slots=True)
class Chain:
    """An OPV's head and its entries in order; each entry has seq, at, kind, actor, data, content_hash, hash, content,
    salt, erased_at. `checkpoints`: checkpoint, seq and head of each that stored one of it. `reads`: the rows of the log
    of reads that are sealed in it."""

    opv: UUID
    number: int
    seq: int
    head: bytes
    entries: list[Any] = field(default_factory=list)
    checkpoints: list[Any] = field(default_factory=list)
    reads: list[Any] = field(default_factory=list)


def chains(tx: Connection, after: UUID | None = None, *, since: datetime | None = None) -> list[Chain]:
    """The chains that follow `after`, in the order of the OPVs, none at the end; with `since`, of the OPVs with an
    entry or a checkpoint of their head from then on. Four statements (with `since`, five), in a unit of work that sees
    one moment."""
    o = _OPPORTUNITIES.c
    statement = select(o.id, o.number, o.history_seq, o.history_head).order_by(o.id).limit(CHUNK)
    if after is not None:
        statement = statement.where(o.id > after)
    if since is not None:
        statement = statement.where(_touched(tx, since))
    found: dict[UUID, Chain] = {}
    entries = 0
    for row in tx.execute(statement).all():
        found[row.id] = Chain(*row)
        entries += row.history_seq
        if entries >= CHUNK_ENTRIES:
            break
    if found:
        _fill(tx, found)
    return list(found.values())


def chain_of(tx: Connection, opv: UUID) -> Chain | None:
    """An OPV's chain."""
    o = _OPPORTUNITIES.c
    row = tx.execute(select(o.id, o.number, o.history_seq, o.history_head).where(o.id == opv)).first()
    if row is None:
        return None
    chain = Chain(*row)
    _fill(tx, {opv: chain})
    return chain


def count(tx: Connection) -> int:
    """How many OPVs there are."""
    return tx.execute(select(func.count()).select_from(_OPPORTUNITIES)).scalar_one()


def without_opv(tx: Connection, most: int) -> Sequence[tuple[UUID, int]]:
    """OPVs that entries or checkpoints speak of and that are not there, each with the last entry known of it."""
    o = _OPPORTUNITIES.c
    found: dict[UUID, int] = {}
    for table in (_HEADS, _ENTRIES):
        of, seq = table.c.opportunity_id, func.max(table.c.seq)
        gone = select(of, seq).where(~select(o.id).where(o.id == of).exists()).group_by(of)
        for opv, last in tx.execute(gone.order_by(of).limit(most)):
            found[opv] = max(last, found.get(opv, 0))
    return sorted(found.items())


def _touched(tx: Connection, since: datetime) -> Any:
    o, e, h = _OPPORTUNITIES.c, _ENTRIES.c, _HEADS.c
    recent = select(e.seq).where(e.opportunity_id == o.id, e.at >= since).exists()
    first = first_since(tx, since)
    if first is None:
        return recent
    return or_(recent, select(h.seq).where(h.opportunity_id == o.id, h.checkpoint >= first).exists())


def _fill(tx: Connection, of: dict[UUID, Chain]) -> None:
    e, c, h, r = _ENTRIES.c, _CONTENTS.c, _HEADS.c, _READS.c
    entries = (
        select(
            e.opportunity_id, e.seq, e.at, e.kind, e.actor, e.data, e.content_hash, e.hash, c.content, c.salt,
            c.erased_at,
        )
        .join(_CONTENTS, and_(c.opportunity_id == e.opportunity_id, c.seq == e.seq), isouter=True)
        .where(any_of(tx, e.opportunity_id, of))
        .order_by(e.opportunity_id, e.seq)
    )  # fmt: skip
    for row in tx.execute(entries):
        of[row.opportunity_id].entries.append(row)
    heads = select(h.opportunity_id, h.checkpoint, h.seq, h.head).where(any_of(tx, h.opportunity_id, of))
    for held in tx.execute(heads.order_by(h.opportunity_id, h.checkpoint)):
        of[held.opportunity_id].checkpoints.append(held)
    sealed = select(*_READS.c).where(any_of(tx, r.opportunity_id, of), r.sealed_seq.is_not(None))
    for read in tx.execute(sealed.order_by(r.opportunity_id, r.sealed_seq, r.person, r.what)):
        of[read.opportunity_id].reads.append(read)

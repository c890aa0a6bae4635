"""Checkpoints and the heads that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, and_, func, select

from db.bulk import insert_rows
from db.models import Base

_OPPORTUNITIES = Base.metadata.tables["opportunities"]
_ENTRIES = Base.metadata.tables["history_entries"]
_CHECKPOINTS = Base.metadata.tables["checkpoints"]
_HEADS = Base.metadata.tables["checkpoint_heads"]


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as stored."""

    number: int
    at: datetime
    opvs: int
    root: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of an OPV's chain (`seq`, `hash`), and what the newest checkpoint that knows the OPV stored: which one it
    is, `stored` seq and hash, and the hash that the entry of that seq has now."""

    opv: UUID
    number: int
    seq: int
    hash: bytes
    checkpoint: int | None
    stored: tuple[int, bytes] | None
    entry: bytes | None


def newest(tx: Connection) -> StoredCheckpoint | None:
    """The last checkpoint."""
    row = tx.execute(_checkpoints().order_by(_CHECKPOINTS.c.number.desc()).limit(1)).first()
    return None if row is None else StoredCheckpoint(*row)


def every_one(tx: Connection) -> Sequence[StoredCheckpoint]:
    """All checkpoints, in order: one a day."""
    return [StoredCheckpoint(*row) for row in tx.execute(_checkpoints().order_by(_CHECKPOINTS.c.number))]


def some(tx: Connection, number: int) -> list[StoredCheckpoint]:
    """A checkpoint, after the one before it if there is one."""
    c = _CHECKPOINTS.c
    statement = _checkpoints().where(c.number.in_((number - 1, number))).order_by(c.number)
    return [StoredCheckpoint(*row) for row in tx.execute(statement)]


def first_since(tx: Connection, since: datetime) -> int | None:
    """The number of the first checkpoint from a moment on."""
    c = _CHECKPOINTS.c
    return tx.execute(select(func.min(c.number)).where(c.at >= since)).scalar()


def heads(tx: Connection, after: UUID | None, limit: int) -> list[Head]:
    """The heads of the OPVs that follow, in the order of their ids."""
    o, h, e = _some(after, limit), _HEADS, _ENTRIES
    known = o.outerjoin(h, and_(h.c.opportunity_id == o.c.id, h.c.checkpoint == _newest_of(o)))
    joined = known.outerjoin(e, and_(e.c.opportunity_id == o.c.id, e.c.seq == h.c.seq))
    columns = (o.c.id, o.c.number, o.c.history_seq, o.c.history_head, h.c.checkpoint, h.c.seq, h.c.head, e.c.hash)
    statement = select(*columns).select_from(joined).order_by(o.c.id)
    return [
        Head(row[0], row[1], row[2], row[3], row[4], None if row[4] is None else (row[5], row[6]), row[7])
        for row in tx.execute(statement)
    ]


def heads_at(tx: Connection, number: int, after: UUID | None, limit: int) -> Sequence[Any]:
    """The heads that a checkpoint holds of the OPVs that follow: id, seq, head; both null of one that it does not
    know."""
    o, h = _some(after, limit), _HEADS
    held = and_(h.c.opportunity_id == o.c.id, h.c.checkpoint == _newest_of(o, number))
    return tx.execute(select(o.c.id, h.c.seq, h.c.head).select_from(o.outerjoin(h, held)).order_by(o.c.id)).all()


def head_of(tx: Connection, opv: UUID, number: int) -> tuple[int, bytes] | None:
    """Seq and hash of the head that a checkpoint holds of an OPV; None when it does not know it."""
    h = _HEADS.c
    statement = select(h.seq, h.head).where(h.opportunity_id == opv, h.checkpoint <= number)
    row = tx.execute(statement.order_by(h.checkpoint.desc()).limit(1)).first()
    return None if row is None else (row.seq, row.head)


def add_heads(tx: Connection, number: int, new: Sequence[Head]) -> None:
    """Stores the heads that differ from the checkpoint before."""
    rows = [{"opportunity_id": one.opv, "checkpoint": number, "seq": one.seq, "head": one.hash} for one in new]
    insert_rows(tx, _HEADS, rows)


def add(tx: Connection, one: StoredCheckpoint) -> None:
    """Stores a checkpoint."""
    row = {"number": one.number, "at": one.at, "opvs": one.opvs, "root": one.root, "hash": one.hash}
    insert_rows(tx, _CHECKPOINTS, [row])


def _checkpoints() -> Select[*tuple[Any, ...]]:
    c = _CHECKPOINTS.c
    return select(c.number, c.at, c.opvs, c.root, c.hash)


def _some(after: UUID | None, limit: int) -> Any:
    o = _OPPORTUNITIES.c
    statement = select(o.id, o.number, o.history_seq, o.history_head).order_by(o.id).limit(limit)
    return (statement if after is None else statement.where(o.id > after)).subquery("o")


def _newest_of(o: Any, upto: int | None = None) -> Any:
    """Of an OPV, the number of the newest checkpoint that stored a head of it."""
    h = _HEADS.alias()
    statement = select(func.max(h.c.checkpoint)).where(h.c.opportunity_id == o.c.id).correlate(o)
    return (statement if upto is None else statement.where(h.c.checkpoint <= upto)).scalar_subquery()

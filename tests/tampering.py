"""What a person with all rights on the database can do to histories."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select, text, update

from opv import history
from tests.pipeline import TABLES

ENTRIES = TABLES["history_entries"]


def go_behind_the_triggers(tx: Connection) -> None:
    """Nothing is refused any more in this unit of work."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        return
    tx.execute(text("PRAGMA defer_foreign_keys = ON"))
    for (name,) in tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        tx.execute(text(f"DROP TRIGGER {name}"))


def cut_tail(tx: Connection, opv: UUID, seq: int) -> None:
    """Removes the entries from `seq` on, and makes the OPV's head fit."""
    for table in (TABLES["history_contents"], ENTRIES):
        tx.execute(delete(table).where(table.c.opportunity_id == opv, table.c.seq >= seq))
    compute_anew(tx, opv)


def compute_anew(tx: Connection, opv: UUID, change: dict[int, dict[str, Any]] | None = None) -> None:
    """Changes entries and computes the whole chain anew, and makes the OPV's head fit: no hash tells."""
    head, seq = history.genesis(opv), 0
    rows = tx.execute(select(*ENTRIES.c).where(ENTRIES.c.opportunity_id == opv).order_by(ENTRIES.c.seq)).all()
    for row in rows:
        seq = row.seq
        new = {**row._mapping, **(change or {}).get(seq, {})}
        at = history.stamp(new["at"])
        head = history.entry_hash(head, opv, seq, at, new["kind"], new["actor"], new["data"], new["content_hash"])
        mine = (ENTRIES.c.opportunity_id == opv, ENTRIES.c.seq == seq)
        tx.execute(update(ENTRIES).where(*mine).values({**new, "hash": head}))
    opvs = TABLES["opportunities"]
    tx.execute(update(opvs).where(opvs.c.id == opv).values(history_seq=seq, history_head=head))

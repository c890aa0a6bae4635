"""What intake writes: delivered requests, many in one statement, and the counts of refused ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from db.models import ChannelRefusal, Delivery


class NewDelivery(NamedTuple):
    """A verified request to be stored, its secrets masked. `secret` is the index of the secret that verified it,
    `sha256` that of the body as received."""

    id: UUID
    channel: int
    received_at: datetime
    secret: int
    sha256: bytes
    url: bytes
    headers: bytes
    body: bytes

    @property
    def size(self) -> int:
        """Bytes a sender made us keep."""
        return len(self.url) + len(self.headers) + len(self.body)


class Refused(NamedTuple):
    """Requests to one channel refused for one reason since the last count was written."""

    channel: int
    reason: str
    times: int
    last_at: datetime


# Arrays, one for each column: the statement is the same, and prepared once, for any number of rows. A flush that
# is tried again after a lost connection has the same ids, and stores nothing twice.
INSERT_DELIVERIES = """
INSERT INTO deliveries (id, channel, received_at, due_at, secret, sha256, url, headers, body)
SELECT id, channel, received_at, received_at, secret, sha256, url, headers, body
FROM unnest(%b::uuid[], %b::smallint[], %b::timestamptz[], %b::smallint[], %b::bytea[], %b::bytea[], %b::bytea[],
            %b::bytea[]) AS new (id, channel, received_at, secret, sha256, url, headers, body)
ON CONFLICT (id) DO NOTHING
"""
"""For psycopg itself; parameters are `columns(rows)`."""


def columns(rows: Sequence[NewDelivery]) -> list[list[object]]:
    """One list a column, in the order of `NewDelivery`. There must be a row."""
    return [list(column) for column in zip(*rows, strict=True)]


def insert_deliveries(tx: Connection, rows: Sequence[NewDelivery]) -> None:
    """Inserts the deliveries; for SQLite, where each statement inserts one."""
    tx.execute(
        sqlite.insert(Delivery).on_conflict_do_nothing(index_elements=["id"]),
        [{**row._asdict(), "due_at": row.received_at} for row in rows],
    )


def add_refusals(tx: Connection, rows: Sequence[Refused]) -> None:
    """Adds to the counts of refused requests. Rows are sorted, so that two web processes cannot deadlock."""
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(ChannelRefusal)
    statement = insert.on_conflict_do_update(
        index_elements=["channel", "reason"],
        set_={"count": ChannelRefusal.count + insert.excluded.count, "last_at": insert.excluded.last_at},
    )
    tx.execute(statement, [{"channel": c, "reason": r, "count": n, "last_at": at} for c, r, n, at in sorted(rows)])

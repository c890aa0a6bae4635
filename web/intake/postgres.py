"""The writer on PostgreSQL: one asynchronous connection, one INSERT a flush."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy.engine import URL

from db.queries.intake import INSERT_DELIVERIES, NewDelivery, columns
from web.intake.store import Unavailable

_CONNECT: dict[str, Any] = {
    "connect_timeout": 3,
    # A statement that nobody waits for any more must not insert minutes later.
    "options": "-c statement_timeout=3000 -c timezone=UTC",
    # A peer that vanished without a word is noticed between deliveries, not by one.
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

Connection = psycopg.AsyncConnection[Any]


class PostgresWriter:
    """Writes flushes. A connection that was lost is opened again and the flush retried once, with the same ids."""

    def __init__(self, url: URL, *, prepare: bool = True) -> None:
        self._conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._prepare_threshold = 0 if prepare else None
        self._connection: Connection | None = None

    async def write(self, rows: Sequence[NewDelivery]) -> None:
        """Inserts and commits. Raises `Unavailable`."""
        try:
            if not await self._insert(rows) and not await self._insert(rows):
                raise Unavailable("the connection was lost twice")
        except (psycopg.Error, OSError) as error:
            state = getattr(error, "sqlstate", None)
            raise Unavailable(f"{type(error).__name__} {state or ''}".strip()) from error

    async def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _insert(self, rows: Sequence[NewDelivery]) -> bool:
        """False when the connection was lost. It is kept for the next flush only when all went well: a flush
        that was given up takes its connection with it."""
        connection, self._connection = self._connection, None
        if connection is None:
            connection = await self._connect()
        try:
            await connection.execute(INSERT_DELIVERIES, columns(rows))
        except psycopg.OperationalError:
            if connection.closed:
                return False
            await connection.close()
            raise
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        return True

    async def _connect(self) -> Connection:
        return await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, prepare_threshold=self._prepare_threshold, **_CONNECT
        )

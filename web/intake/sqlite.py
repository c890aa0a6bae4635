"""The writer on SQLite: a thread, one transaction a flush."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.exc import DBAPIError

from db.queries.intake import NewDelivery, insert_deliveries
from db.session import Database
from web.intake.store import Unavailable


class SqliteWriter:
    """Writes flushes in a thread of its own. A flush given up while another process holds the file's write lock
    may still be written later; one that has not begun is not."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, "intake")

    async def write(self, rows: Sequence[NewDelivery]) -> None:
        """Inserts and commits. Raises `Unavailable`."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, rows)
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise Unavailable(type(error).__name__) from error

    async def close(self) -> None:
        """Ends the thread, after the flush it is in."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _insert(self, rows: Sequence[NewDelivery]) -> None:
        with self._database.write() as tx:
            insert_deliveries(tx, rows)

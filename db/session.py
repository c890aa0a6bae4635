"""The database handle and its units of work. One synchronous engine serves web threads and workers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, Row, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

AnyRow = Row[*tuple[Any, ...]]
"""A result row of any columns."""

_WRITE = "porteiro_write"


class Database:
    """Gives units of work: a connection with an open transaction, committed at the end, rolled back on error.

    SQLite: WAL, foreign keys, recursive triggers (else `INSERT OR REPLACE` passes the history triggers), and
    `BEGIN IMMEDIATE` for writers, since a read that turns into a write fails at once whatever the busy timeout.
    """

    def __init__(self, url: str, *, worker: bool = False, prepare_threshold: int | None = 5, pool: int = 10) -> None:
        self.url = normalize_url(url)
        self.dialect = "sqlite" if self.url.get_backend_name() == "sqlite" else "postgresql"
        self.engine = self._sqlite() if self.dialect == "sqlite" else self._postgresql(worker, prepare_threshold, pool)

    def _sqlite(self) -> Engine:
        if self.url.database and self.url.database != ":memory:":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self.url, connect_args={"timeout": 30}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgresql(self, worker: bool, prepare_threshold: int | None, pool: int) -> Engine:
        # A work list's statistics change by the minute; a generic plan made while it was empty would stay.
        # A worker's commits need not wait for the disk: a crash of PostgreSQL takes back the end of its log alone, and
        # the deliveries, which intake committed to disk, come due again. See docs/decisions/work-lists-in-rows.md.
        options = "-c plan_cache_mode=force_custom_plan -c synchronous_commit=off" if worker else ""
        return create_engine(
            self.url,
            pool_size=pool,
            max_overflow=pool,
            pool_timeout=3,
            hide_parameters=True,  # an error message must not show what a person typed
            connect_args={
                "prepare_threshold": prepare_threshold,
                "options": f"{options} -c timezone=UTC".strip(),
                "connect_timeout": 5,
            },
        )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A writing unit of work."""
        with self.engine.connect().execution_options(**{_WRITE: True}) as tx, tx.begin():
            yield tx

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """A unit of work of one writing statement, which commits by itself."""
        if self.dialect == "sqlite":  # whose transactions are begun and ended by hand, see `_prepare_sqlite`
            with self.write() as tx:
                yield tx
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading unit of work."""
        with self.engine.connect() as tx, tx.begin():
            yield tx

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A reading unit of work whose statements all see the same moment."""
        if self.dialect == "sqlite":  # where every unit of work does
            with self.read() as tx:
                yield tx
            return
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as tx, tx.begin():
            yield tx

    def empty_log(self) -> bool:
        """Brings what was committed into the database's file and empties the log beside it, which still holds pages as
        they were; whether that could be done, as it cannot while somebody reads. Of SQLite alone: PostgreSQL writes
        over its log, and in a VACUUM over old rows, by itself."""
        if self.dialect != "sqlite":
            return True
        connection = self.engine.raw_connection()
        try:
            busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.close()
        return not busy

    def dispose(self) -> None:
        """Closes the pool's connections."""
        self.engine.dispose()


def commit_to_disk(tx: Connection) -> None:
    """This unit of work, and with it all that was committed before, is on disk when it commits: called by what is
    about to tell the outside."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("SET LOCAL synchronous_commit = on")


def normalize_url(url: str) -> URL:
    """The URL with psycopg 3 as driver, also when a platform hands out `postgres://`."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event below says BEGIN, not the driver
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "busy_timeout = 30000",
        "foreign_keys = ON",
        "recursive_triggers = ON",
        "secure_delete = ON",  # what is erased is not left in free pages of the file
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def is_transient(error: BaseException) -> bool:
    """Whether the same unit of work may succeed when tried again: deadlock (40P01), serialization failure (40001),
    lock not available (55P03), shutdown and lost connections (57P0x, 08xxx), resources (53xxx), a busy SQLite."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        error = error.orig or error
    if isinstance(error, psycopg.OperationalError):
        return not error.sqlstate or error.sqlstate.startswith(("40", "55P03", "57P", "08", "53"))
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)

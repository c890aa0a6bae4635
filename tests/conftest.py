"""Databases and message brokers for the tests.

A machine without PostgreSQL, RabbitMQ or Redis runs what it can and says at the end what was left out; with `CI`
set in the environment a missing service is a failure. Where they are: `TEST_DATABASE_URL`, `TEST_AMQP_URL`,
`TEST_REDIS_URL`.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.pq import ExecStatus
from sqlalchemy.engine import URL

from db.migrate import migrate
from db.session import Database, normalize_url

DATABASE = "postgresql+psycopg://postgres@127.0.0.1/postgres"
AMQP = "amqp://guest:guest@127.0.0.1:5672//"
REDIS = "redis://127.0.0.1:6379/0"

AHEAD = 3
"""Databases that are ready before a test asks for one."""

_numbers = count(1)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of the test's own."""
    path = tmp_path / "porteiro.db"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[tuple[URL, str]]:
    """The server, and the name of a migrated database to be copied."""
    server = normalize_url(os.environ.get("TEST_DATABASE_URL") or DATABASE)
    try:
        _sql(server, "SELECT 1")
    except psycopg.OperationalError:
        _missing(f"PostgreSQL does not answer at {server.host}:{server.port or 5432}")
    with _database(server, "") as template:
        _migrate(template.render_as_string(hide_password=False))
        yield server, str(template.database)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_template: tuple[URL, str]) -> Iterator[Callable[[], AbstractContextManager[URL]]]:
    """Gives copies of the migrated database. The server spends most of a copy's time on waiting for the disk: the next
    ones are made, and those before dropped, while a test runs."""
    server, template = postgresql_template
    dropped: list[Future[None]] = []
    with ThreadPoolExecutor(1) as behind:

        def made() -> Future[str]:
            return behind.submit(_create, server, f"TEMPLATE {template} STRATEGY wal_log")

        ahead = deque(made() for _ in range(AHEAD))

        @contextmanager
        def copy() -> Iterator[URL]:
            ahead.append(made())
            name = ahead.popleft().result()
            try:
                yield server.set(database=name)
            finally:
                dropped.append(behind.submit(_drop, server, name))

        yield copy
        dropped += [behind.submit(_drop, server, one.result()) for one in ahead]
        for drop in dropped:
            drop.result()


@pytest.fixture
def postgresql_url(postgresql_databases: Callable[[], AbstractContextManager[URL]]) -> Iterator[str]:
    """A migrated PostgreSQL database of the test's own."""
    with postgresql_databases() as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of the test's own, of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def rabbitmq_url() -> str:
    """RabbitMQ."""
    return _answering(os.environ.get("TEST_AMQP_URL") or AMQP, "RabbitMQ", 5672)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """Redis."""
    return _answering(os.environ.get("TEST_REDIS_URL") or REDIS, "Redis", 6379)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.services) for name in ("rabbitmq", "redis")])
def broker_url(request: pytest.FixtureRequest) -> str:
    """A message broker, of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what was left out, and why."""
    left_out = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    if left_out:
        terminalreporter.section("left out")
        for reason, tests in left_out.most_common():
            terminalreporter.line(f"{tests} tests: {reason.removeprefix('Skipped: ')}")


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}: with CI set every service must be there", pytrace=False)
    pytest.skip(reason)  # the machine has no such service; listed at the end of the run


def _answering(url: str, name: str, port: int) -> str:
    address = urlsplit(url)
    place = (address.hostname or "127.0.0.1", address.port or port)
    try:
        socket.create_connection(place, timeout=2).close()
    except OSError:
        _missing(f"{name} does not answer at {place[0]}:{place[1]}")
    return url


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.dispose()


def _sql(server: URL, statement: str) -> None:
    conninfo = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(conninfo, autocommit=True, connect_timeout=10)) as connection:
        # Not by a cursor: a test may be counting what those send, whichever thread it comes from.
        result = connection.pgconn.exec_(statement.encode())
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise psycopg.OperationalError(result.get_error_message())


@contextmanager
def _database(server: URL, options: str) -> Iterator[URL]:
    """A new database, dropped afterwards whoever is still connected."""
    name = _create(server, options)
    try:
        yield server.set(database=name)
    finally:
        _drop(server, name)


def _create(server: URL, options: str) -> str:
    name = f"porteiro_test_{os.getpid()}_{next(_numbers)}"
    _sql(server, f"CREATE DATABASE {name} {options}")
    return name


def _drop(server: URL, name: str) -> None:
    _sql(server, f"DROP DATABASE {name} WITH (FORCE)")

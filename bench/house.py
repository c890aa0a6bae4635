"""A house to measure: fresh PostgreSQL databases, the example configuration, real processes."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import psycopg
from sqlalchemy.engine import make_url

from adapters.sources.registry import sources
from db.migrate import migrate
from db.session import Database
from porteiro.configuration.apply import apply
from porteiro.configuration.houses import Houses
from porteiro.configuration.load import load

ADMIN = os.environ.get("TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1/postgres")
BROKER = os.environ.get("TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
EXAMPLE = Path(__file__).parent.parent / "porteiro.example.yaml"


class Secrets(dict[str, str]):
    """A value for every name that is asked for."""

    def __missing__(self, name: str) -> str:
        return self.setdefault(name, secrets.token_hex(16))

    def get(self, name: str, default: str | None = None) -> str:  # type: ignore[override] # never absent
        """The name's value."""
        return self[name]


@dataclass
class BenchHouse:
    """A migrated database with the example configuration in force, and the environment of its processes."""

    url: str
    database: Database
    houses: Houses
    secrets: Secrets
    env: Mapping[str, str]
    port: int

    def sample(self, channel: str, number: int, person: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
        """A signed request of the channel: headers and body."""
        with self.database.read() as tx:
            entrance = self.houses.current(tx).entrance_by_key[channel]
        headers, body, _ = sources()[entrance.source.slug].sample(entrance, person, number)
        return headers, body

    @contextmanager
    def process(self, *command: str, ready: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """A process of the house in a group of its own; `ready`: the path that answers when it is up."""
        process = subprocess.Popen(
            [sys.executable, *command], env={**os.environ, **self.env}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=sys.stderr if os.environ.get("BENCH_VERBOSE") else subprocess.DEVNULL,
        )  # fmt: skip
        try:
            if ready:
                _await(f"http://127.0.0.1:{self.port}{ready}", process)
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def database(name: str) -> Iterator[str]:
    """A fresh database's URL; dropped afterwards."""
    admin = make_url(ADMIN).set(drivername="postgresql").render_as_string(hide_password=False)
    full = f"porteiro_bench_{name}_{os.getpid()}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{full}"')
        try:
            yield make_url(ADMIN).set(database=full).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{full}" WITH (FORCE)')


@contextmanager
def house(name: str, text: str | None = None, known: Mapping[str, str] | None = None) -> Iterator[BenchHouse]:
    """A house on a fresh database, with the example configuration unless `text` is another; `known`: secrets whose
    values are not random."""
    var = Path(tempfile.mkdtemp(prefix="porteiro-bench-"))
    with database(name) as url:
        handle = Database(url, worker=True)
        migrate(handle)
        values = Secrets(known or {})
        text = EXAMPLE.read_text(encoding="utf-8") if text is None else text
        configuration, problems = load(text, name, sources(), values)
        if configuration is None:
            raise SystemExit("\n".join(map(str, problems)))
        apply(handle, configuration, by="bench", now=datetime.now(UTC))
        houses = Houses(sources(), values)
        port = free_port()
        env = {
            "DATABASE_URL": url, "BROKER_URL": BROKER, "PORTEIRO_NAME": f"bench-{name}-{os.getpid()}",
            "PORT": str(port), "PORTEIRO_VAR": str(var), "PORTEIRO_CONCURRENCY": "1", **values,
        }  # fmt: skip
        try:
            yield BenchHouse(url, handle, houses, values, env, port)
        finally:
            handle.dispose()
            shutil.rmtree(var, ignore_errors=True)
            _drop_queues(env["PORTEIRO_NAME"])


def plain_url(url: str) -> str:
    """The URL as psycopg and pgbench take it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"a process ended before it was up (exit code {process.returncode})")
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - a loopback address made here
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} did not answer within 30 s")


def _drop_queues(name: str) -> None:
    from kombu import Connection, Queue

    from workers.wake import STEPS

    with Connection(BROKER, connect_timeout=3) as connection:
        for step in STEPS:
            Queue(f"{name}.{step}").bind(connection.default_channel).delete()

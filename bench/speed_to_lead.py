"""Speed to lead: from receipt to the broker's assignment, one lead at a time, beside what it must cost at least."""

from __future__ import annotations

import itertools
import os
import socket
import time

import psycopg
from kombu import Queue

from bench import load
from bench.house import BROKER, BenchHouse, house, plain_url
from bench.people import person
from bench.report import Figure, typical

WARM_UP = 10


def measure(leads: int) -> list[Figure]:
    """Both are measured lead by lead in turn, under the same processes."""
    ours: list[float] = []
    least: list[float] = []
    with house("speed") as it, house("noop") as other:
        os.environ["PORTEIRO_NAME"] = other.env["PORTEIRO_NAME"]
        os.environ["BROKER_URL"] = BROKER
        with (
            it.process("-m", "porteiro", "web", ready="/healthz"),
            it.process("-m", "porteiro", "worker"),
            other.process("-m", "bench.noop"),
        ):
            least_of = _Least(other)
            with psycopg.connect(plain_url(it.url), autocommit=True) as connection:
                for number in range(leads + WARM_UP):
                    ours.append(_ours(it, connection, number))
                    least.append(least_of.measure())
            least_of.close()
    mine, limit = typical(ours[WARM_UP:]) * 1e3, typical(least[WARM_UP:]) * 1e3
    what = "speed to lead, by one INSERT+COMMIT and two no-op Celery tasks"
    return [Figure(what, "ms", mine, limit, mine / limit, 3, at_most=True)]


def _ours(it: BenchHouse, connection: psycopg.Connection, number: int) -> float:
    headers, body = it.sample("zap", number, person(number))
    request = load.post("127.0.0.1", it.port, "/hooks/zap", headers, body)
    start = time.perf_counter()
    load.run(it.port, itertools.repeat(request, 1), connections=1)
    while time.perf_counter() - start < 30:
        row = connection.execute("SELECT count(*) FROM assignments", prepare=True).fetchone()
        if row and row[0] > number:
            return time.perf_counter() - start
        time.sleep(0.0005)
    raise SystemExit(f"lead {number} was not assigned within 30 s")


class _Least:
    """One INSERT+COMMIT of a delivery's size, then two no-op tasks."""

    def __init__(self, other: BenchHouse) -> None:
        from bench.noop import application

        self._app = application()
        self._connection = psycopg.connect(plain_url(other.url), autocommit=True)
        self._connection.execute("CREATE TABLE least (body bytea)")
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.settimeout(30)

    def measure(self) -> float:
        """Seconds of one."""
        start = time.perf_counter()
        self._connection.execute("INSERT INTO least VALUES (%s)", (b"x" * 1600,), prepare=True)
        port = self._listener.getsockname()[1]
        self._app.send_task("noop.first", (port,), queue=f"{os.environ['PORTEIRO_NAME']}.noop")
        self._listener.recv(1)
        return time.perf_counter() - start

    def close(self) -> None:
        """Closes the connections, and deletes the queue."""
        with self._app.connection_for_write() as broker:
            Queue(f"{os.environ['PORTEIRO_NAME']}.noop").bind(broker.default_channel).delete()
        self._connection.close()
        self._listener.close()

"""Intake: signed deliveries a second and the latency of one, beside pgbench and beside the bare route."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import re
import shutil
import subprocess
import tempfile
import time
from glob import glob
from pathlib import Path

import psycopg

from bench import load
from bench.house import BenchHouse, house, plain_url
from bench.report import Figure, typical

PATH = "/hooks/meta"
CONNECTIONS = 32
ROUNDS = 3
BODY_BYTES = 1600
PERSON = {"name": "Helena Exemplo", "phone": "+5511987650001", "email": "helena@example.com"}

COLUMNS = "id, channel, received_at, due_at, secret, sha256, url, headers, body"


def measure(seconds: float) -> list[Figure]:
    """Rates in turn (ours, bare, pgbench), so that a drift of the machine meets all three; medians of the ratios."""
    with house("intake") as it:
        headers, row = _signed(it)
        request = load.post("127.0.0.1", it.port, PATH, headers, row[2])
        ours, bare, pgbench = [], [], []
        for _ in range(ROUNDS):
            with it.process("-m", "porteiro", "web", ready="/healthz"):
                ours.append(_rate(it, headers, row[2], seconds))
            with it.process("-m", "bench.bare", ready="/healthz"):
                bare.append(_rate(it, headers, row[2], seconds))
            pgbench.append(_pgbench(it.url, row, seconds))
        latency, commit = _latency(it, request, row)
    rate = typical(ours)
    by_pgbench = typical([a / b for a, b in zip(ours, pgbench, strict=True)])
    by_bare = typical([a / b for a, b in zip(ours, bare, strict=True)])
    return [
        Figure("intake, 32 connections, by pgbench's INSERT+COMMIT", "/s", rate, typical(pgbench), by_pgbench, 0.7),
        Figure("intake, 32 connections, by the route that stores nothing", "/s", rate, typical(bare), by_bare, 0.75),
        Figure("intake latency, one connection, median", "ms", latency, commit, latency / commit, 2.5, at_most=True),
    ]


def _signed(it: BenchHouse) -> tuple[dict[str, str], tuple[bytes, bytes, bytes]]:
    """Headers of a signed batch of the usual size, and the bytea values (address, headers, body) of the row it
    makes. Padded with blanks, which JSON allows, and signed as the platform does."""
    _, body = it.sample("meta", 1, PERSON)
    body += b" " * (BODY_BYTES - len(body))
    signature = hmac.new(it.secrets["META_APP_SECRET"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items()).encode()
    return headers, (b"http://127.0.0.1" + PATH.encode(), lines, body)


def _rate(it: BenchHouse, headers: dict[str, str], body: bytes, seconds: float) -> float:
    load.hammer(it.port, PATH, headers, body, connections=CONNECTIONS, seconds=1)
    measured = load.hammer(it.port, PATH, headers, body, connections=CONNECTIONS, seconds=seconds)
    if set(measured.statuses) != {200}:
        raise SystemExit(f"intake answered {measured.statuses}")
    return measured.rate


def _pgbench(url: str, row: tuple[bytes, bytes, bytes], seconds: float) -> float:
    program = shutil.which("pgbench") or next(iter(sorted(glob("/usr/lib/postgresql/*/bin/pgbench"))), None)
    if program is None:
        raise SystemExit("pgbench was not found: install PostgreSQL's client programs")
    url_, headers, body = (f"'\\x{value.hex()}'" for value in row)
    values = f"gen_random_uuid(), 1, now(), now(), 0, sha256({body}), {url_}, {headers}, {body}"
    script = f"INSERT INTO deliveries ({COLUMNS}) VALUES ({values});\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "insert.sql")
        file.write_text(script)
        done = subprocess.run(
            [program, "-n", "-c", str(CONNECTIONS), "-j", "2", "-T", str(max(1, round(seconds))), "-M", "prepared",
             "-f", str(file), plain_url(url)],
            capture_output=True, text=True, check=True, env={**os.environ, "PGOPTIONS": ""},
        )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise SystemExit(f"pgbench said: {done.stdout}")
    return float(found[1])


def _latency(it: BenchHouse, request: bytes, row: tuple[bytes, bytes, bytes]) -> tuple[float, float]:
    """Milliseconds, medians: one connection's answers, and one INSERT+COMMIT; alternated."""
    ours: list[float] = []
    commits: list[float] = []
    with it.process("-m", "porteiro", "web", ready="/healthz"), psycopg.connect(plain_url(it.url)) as connection:
        connection.autocommit = True
        for _ in range(10):
            ours += load.run(it.port, itertools.repeat(request, 60), connections=1).latencies[10:]
            commits += [_commit(connection, row) for _ in range(60)][10:]
    return typical(ours) * 1e3, typical(commits) * 1e3


def _commit(connection: psycopg.Connection, row: tuple[bytes, bytes, bytes]) -> float:
    start = time.perf_counter()
    connection.execute(
        f"INSERT INTO deliveries ({COLUMNS}) VALUES (gen_random_uuid(), 1, now(), now(), 0, %s, %s, %s, %s)",
        (b"0" * 32, *row),
        prepare=True,
    )
    return time.perf_counter() - start

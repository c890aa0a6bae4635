"""The pipeline: leads fully processed a second by one worker process, beside COPY of the same rows."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import text

from adapters.http import RequestsClient
from adapters.targets.log import LogTarget
from bench.house import BenchHouse, house, plain_url
from bench.people import person
from bench.report import Figure, typical
from db.bulk import insert_rows
from db.ids import new_id
from db.models import Base
from workers.steps import Steps

ROWS = {
    "submissions": 1, "clients": 1, "contact_keys": 2, "opportunities": 1, "involved_clients": 1,
    "capture_origins": 1, "history_entries": 5, "history_contents": 1, "decisions": 1, "assignments": 1,
    "automation_runs": 1, "outbound_messages": 1, "timers": 1,
}  # fmt: skip
"""The row set of a lead, fixed: writing more rows must not flatter the ratio. Rows that come and go are not in it."""

A_TRANSACTION = 500
ROUNDS = 3


def measure(leads: int) -> tuple[list[Figure], dict[str, float]]:
    """The figure, and microseconds a lead by step."""
    ratios, rates, copies, texts = [], [], [], []
    spent: dict[str, float] = {}
    for number in range(ROUNDS):
        with house("pipeline") as it, house("copy") as other:
            deliver(it, leads, start=number * leads)
            seconds, spent = process(it)
            _check(it, leads)
            rates.append(leads / seconds)
            values, text_ = _copy(it, other, leads)
            copies.append(leads / values)
            texts.append(leads / text_)
            ratios.append(rates[-1] / copies[-1])
    what = "pipeline: one worker process, all steps, by COPY of the same rows"
    note = f"{sum(ROWS.values())} rows a lead; text made beforehand: {typical(texts):,.0f} leads/s"
    figure = Figure(what, "leads/s", typical(rates), typical(copies), typical(ratios), 0.2, note=note)
    return [figure], {step: 1e6 * seconds / leads for step, seconds in spent.items()}


def deliver(it: BenchHouse, leads: int, *, start: int) -> None:
    """Stores deliveries as intake does."""
    table = Base.metadata.tables["deliveries"]
    rows = []
    with it.database.read() as tx:
        numbers = {key: entrance.id for key, entrance in it.houses.current(tx).entrance_by_key.items()}
    for number in range(start, start + leads):
        channel = ("zap", "google", "site")[number % 3]
        headers, body = it.sample(channel, number, person(number))
        now = datetime.now(UTC)
        rows.append(
            {
                "id": new_id(), "channel": numbers[channel], "received_at": now, "due_at": now, "secret": 0,
                "sha256": hashlib.sha256(body).digest(), "url": f"http://127.0.0.1/hooks/{channel}".encode(),
                "headers": "".join(f"{n.lower()}: {v}\r\n" for n, v in headers.items()).encode(), "body": body,
            }
        )  # fmt: skip
    with it.database.write() as tx:
        insert_rows(tx, table, rows)
    with psycopg.connect(plain_url(it.url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def steps_of(it: BenchHouse, publish: Callable[[str], None]) -> Steps:
    """The steps as a worker process has them."""
    targets = {"log": LogTarget()}
    return Steps(it.database, it.houses.current, lambda: datetime.now(UTC), RequestsClient(), targets, publish)


def process(it: BenchHouse) -> tuple[float, dict[str, float]]:
    """Seconds until nothing is left to do, in all and by step."""
    waiting: list[str] = ["ingest"]
    spent: defaultdict[str, float] = defaultdict(float)
    steps = steps_of(it, waiting.append)
    start = time.perf_counter()
    while waiting:
        step = waiting.pop(0)
        began = time.perf_counter()
        steps.run(step)
        spent[step] += time.perf_counter() - began
    return time.perf_counter() - start, dict(spent)


def _check(it: BenchHouse, leads: int) -> None:
    with it.database.read() as tx:
        for table, a_lead in ROWS.items():
            found = tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            if found != a_lead * leads:
                raise SystemExit(f"{table}: {found} rows instead of {a_lead} for each of {leads} leads")


def _copy(it: BenchHouse, other: BenchHouse, leads: int) -> tuple[float, float]:
    """Seconds to write the leads' rows into an empty database of the same schema by COPY, so many a transaction:
    out of Python's values, as a program has them, and of text that is ready to be sent."""
    columns = {name: [c.name for c in Base.metadata.tables[name].columns] for name in ROWS}
    with psycopg.connect(plain_url(it.url)) as source:
        rows = {
            name: source.execute(f"SELECT {_listed(columns[name])} FROM {name} ORDER BY ctid").fetchall()
            for name in ROWS
        }
        lines = {name: _lines(source, name, columns[name]) for name in ROWS}
    with psycopg.connect(plain_url(other.url)) as target:
        seconds = [_copy_all(target, leads, columns, written, _write) for written, _write in (
            (rows, _write_rows), (lines, _write_lines),
        )]  # fmt: skip
    return seconds[0], seconds[1]


def _copy_all(
    target: psycopg.Connection,
    leads: int,
    columns: dict[str, list[str]],
    rows: Mapping[str, list[Any]],
    write: Callable[[psycopg.Copy, list[Any]], None],
) -> float:
    target.execute(f"TRUNCATE {', '.join(name for name in ROWS if not name.startswith('history'))}")
    target.execute("SET session_replication_role = replica")  # or the history could not be emptied
    target.execute("DELETE FROM history_contents")
    target.execute("DELETE FROM history_entries")
    target.execute("SET session_replication_role = origin")
    target.commit()
    seconds = 0.0
    for begin in range(0, leads, A_TRANSACTION):
        start = time.perf_counter()
        for name, a_lead in ROWS.items():
            part = rows[name][begin * a_lead : (begin + A_TRANSACTION) * a_lead]
            with target.cursor().copy(f"COPY {name} ({_listed(columns[name])}) FROM STDIN") as copy:
                write(copy, part)
        target.commit()
        seconds += time.perf_counter() - start
    return seconds


def _write_rows(copy: psycopg.Copy, part: list[Any]) -> None:
    for row in part:
        copy.write_row(row)


def _write_lines(copy: psycopg.Copy, part: list[Any]) -> None:
    copy.write(b"".join(part))


def _lines(source: psycopg.Connection, table: str, columns: list[str]) -> list[bytes]:
    """The table's rows as COPY text lines, in the order written."""
    with source.cursor().copy(f"COPY (SELECT {_listed(columns)} FROM {table} ORDER BY ctid) TO STDOUT") as copy:
        return b"".join(bytes(part) for part in copy).splitlines(keepends=True)


def _listed(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)

"""A database that has been in use: the rows that real leads left, again and again, each time of other people."""

from __future__ import annotations

import psycopg
from sqlalchemy import Table, Uuid

from bench.house import BenchHouse, plain_url
from bench.pipeline import deliver, process
from db.models import Base

SEEDS = 200
"""Leads that go through the pipeline, whose rows are then multiplied."""

TABLES = (
    "deliveries", "submissions", "clients", "contact_keys", "involved_clients", "opportunities", "capture_origins",
    "history_entries", "history_contents", "decisions", "assignments", "automation_runs", "outbound_messages", "timers",
)  # fmt: skip
_OF_ONE = {"contact_keys": "value", "submissions": "key", "outbound_messages": "idempotency_key"}
"""Texts that no two rows may share."""


def fill(it: BenchHouse, opvs: int) -> None:
    """Brings the house to so many OPVs, a multiple of `SEEDS`."""
    deliver(it, SEEDS, start=90_000_000)
    process(it)
    with psycopg.connect(plain_url(it.url), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for name in TABLES:
            connection.execute(_again(Base.metadata.tables[name]), {"times": opvs // SEEDS - 1})
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _again(table: Table) -> str:
    """All rows of the table once more for each time, under other ids."""
    into, values = [], []
    for column in table.columns:
        name = f't."{column.name}"'
        if table.name == "opportunities" and column.name == "number":
            continue  # which the database gives
        if isinstance(column.type, Uuid):
            value = f"CAST(md5({name}::text || n) AS uuid)"
        elif column.name == _OF_ONE.get(table.name):
            value = f"{name} || '-' || n"
        else:
            value = name
        into.append(f'"{column.name}"')
        values.append(value)
    return (
        f"INSERT INTO {table.name} ({', '.join(into)}) "
        f"SELECT {', '.join(values)} FROM {table.name} AS t, generate_series(1, %(times)s) AS n"
    )

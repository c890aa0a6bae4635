"""Writes of many rows: every value as given, whatever the way in; a fixed number of statements."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, select

from db.bulk import any_of, insert_new, insert_rows, update_rows
from db.ids import new_id
from db.models import Base
from db.session import Database
from tests.pipeline import counted

SUBMISSIONS = Base.metadata.tables["submissions"]
KEYS = Base.metadata.tables["contact_keys"]
MEMBERS = Base.metadata.tables["queue_members"]
NOW = datetime(2026, 9, 21, 12, 0, 0, 123456, tzinfo=UTC)

AWKWARD = [
    "", " ", "\\N", "NULL", "null", "\\", "\\\\.", "\\.", "a\tb", "a\nb\r\n", '"quoted"', "{a,b}", "it's", "{}",
    "ção 🏠 \u2028 \u200b", "a\x01b", "%s %(x)s :name", "x" * 100_000,
]  # fmt: skip


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, worker=True)
    yield database
    database.dispose()


def submission(key: str | None, **values: Any) -> dict[str, Any]:
    row = {
        "id": new_id(), "delivery_id": new_id(), "position": 0, "channel": 1, "namespace": "n", "key": key,
        "state": "done", "outcome": "captured", "created_at": NOW, "attempts": 0, "failures": 0,
    }  # fmt: skip
    return {**dict.fromkeys(SUBMISSIONS.c.keys()), **row, **values}


def stored(database: Database, table: Table, *columns: str) -> list[dict[str, Any]]:
    found = [table.c[name] for name in columns or table.c.keys()]
    with database.read() as tx:
        return [dict(row._mapping) for row in tx.execute(select(*found).order_by(*table.primary_key.columns))]


def test_rows_come_back_as_they_went_in(database: Database) -> None:
    west = timezone(timedelta(hours=-3))
    expected: list[dict[str, Any]] = []
    for size in (0, 1, 7, 8, 40):
        rows = [
            submission(
                f"{size}-{n}", detail=AWKWARD[n % len(AWKWARD)], position=2**31 - 1 - n,
                repeat_of=new_id() if n % 2 else None, created_at=NOW.astimezone(west) - timedelta(microseconds=n),
                fetched=bytes(range(256)) if n % 3 else b"", person=None if n % 3 else b"\\x00\\N\x00\t\n",
            )
            for n in range(size)
        ]  # fmt: skip
        with database.write() as tx:
            insert_rows(tx, SUBMISSIONS, rows)
        expected = sorted([*expected, *rows], key=lambda row: row["id"])
        assert stored(database, SUBMISSIONS) == expected
        changes = [
            {"id": row["id"], "detail": AWKWARD[-1 - n % len(AWKWARD)], "due_at": row["created_at"] if n % 2 else None,
             "fetched": row["person"], "attempts": n % 7}
            for n, row in enumerate(rows)
        ]  # fmt: skip
        with database.write() as tx:
            update_rows(tx, SUBMISSIONS, ("id",), changes)
        of = {change["id"]: change for change in changes}
        expected = [{**row, **of.get(row["id"], {})} for row in expected]
        assert stored(database, SUBMISSIONS) == expected


def test_the_new_alone_are_inserted_and_given(database: Database) -> None:
    with database.write() as tx:
        insert_rows(tx, SUBMISSIONS, [submission("b"), submission("x", namespace="other")])
    rows = [submission(None), submission(None), submission("a"), submission("b"), submission("c"), submission("c"),
            submission("x")]  # fmt: skip
    with database.write() as tx:
        given = insert_new(tx, SUBMISSIONS, rows, ("namespace", "key"), ("id",))
        assert insert_new(tx, SUBMISSIONS, [], ("namespace", "key"), ("id",)) == set()
    assert given == {rows[n]["id"] for n in (0, 1, 2, 4, 6)}
    assert len(stored(database, SUBMISSIONS)) == 7
    keys = [{"kind": "phone", "value": value, "client_id": new_id(), "names": "[]", "stopped_at": None}
            for value in ("+1", "+2", "+3")]  # fmt: skip
    with database.write() as tx:
        assert insert_new(tx, KEYS, keys[1:2], ("kind", "value"), ("kind", "value")) == {("phone", "+2")}
        assert insert_new(tx, KEYS, keys, ("kind", "value"), ("kind", "value")) == {("phone", "+1"), ("phone", "+3")}


def test_each_key_is_given_to_one_of_many_writers(database: Database) -> None:
    given: list[set[str]] = []
    barrier = threading.Barrier(4)

    def write() -> None:
        rows = [
            {"kind": "phone", "value": f"{n:04}", "client_id": new_id(), "names": "[]", "stopped_at": None}
            for n in range(300)
        ]
        barrier.wait()
        with database.write() as tx:
            given.append(insert_new(tx, KEYS, rows, ("kind", "value"), ("value",)))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(len, given)) == len(set().union(*given)) == 300


def test_rows_are_updated_by_more_than_one_column(database: Database) -> None:
    rows = [
        {"queue": queue, "broker": broker, "last_turn": 1, "served": 2**40, "position": 0, "active": True}
        for queue in ("a", "b")
        for broker in ("x", "y")
    ]
    with database.write() as tx:
        insert_rows(tx, MEMBERS, rows)
        update_rows(tx, MEMBERS, ("queue", "broker"), [{**rows[1], "served": 2**41, "active": False}])
    assert [(row["served"], row["active"]) for row in stored(database, MEMBERS)] == [
        (2**40, True), (2**41, False), (2**40, True), (2**40, True),
    ]  # fmt: skip


def test_any_of_finds_what_is_named(database: Database) -> None:
    rows = [submission(f"{text[:50]}{n}", detail=text[:500], created_at=NOW + timedelta(days=n))
            for n, text in enumerate(AWKWARD)]  # fmt: skip
    with database.write() as tx:
        insert_rows(tx, SUBMISSIONS, rows)

    def found(column: str, values: Sequence[Any]) -> set[UUID]:
        with database.read() as tx:
            where = any_of(tx, SUBMISSIONS.c[column], values)
            return set(tx.execute(select(SUBMISSIONS.c.id).where(where)).scalars())

    for column in ("id", "key", "detail", "created_at"):
        assert found(column, []) == set()
        assert found(column, [row[column] for row in rows[3:9]]) == {row["id"] for row in rows[3:9]}
    assert found("position", [0, 1]) == {row["id"] for row in rows}


def test_many_rows_cost_as_many_statements_as_one(database: Database) -> None:
    counts = []
    for size in (1, 10, 500):
        rows = [submission(f"{size}-{n:03}") for n in range(size)]
        with database.write() as tx, counted(database) as statements:
            insert_rows(tx, SUBMISSIONS, rows)
            again = [{**row, "id": new_id()} for row in rows]
            assert insert_new(tx, SUBMISSIONS, again, ("namespace", "key"), ("id",)) == set()
            update_rows(tx, SUBMISSIONS, ("id",), [{"id": row["id"], "attempts": 1} for row in rows])
            tx.execute(select(SUBMISSIONS.c.id).where(any_of(tx, SUBMISSIONS.c.id, [row["id"] for row in rows])))
        counts.append(len(statements))
    assert len(set(counts)) == 1
    assert counts[0] <= 5


def test_any_of_is_worked_out_once_a_statement(postgresql_url: str) -> None:
    """A list that is parsed anew for each row makes a batch's cost the square of its size."""
    database = Database(postgresql_url, worker=True)
    with database.read() as tx:
        statement = select(SUBMISSIONS.c.outcome).where(any_of(tx, SUBMISSIONS.c.id, [new_id(), new_id()])).compile(tx)
        plan = "\n".join(tx.exec_driver_sql(f"EXPLAIN {statement}", statement.params).scalars())
    database.dispose()
    assert "ANY ('{" in plan  # a constant, not the cast of one

"""Statements of the hot path: put together once, compiled once a dialect, run by the driver on PostgreSQL.

Putting a SELECT together and looking it up costs more than PostgreSQL needs to answer it for one lead. Statements
without results of interest may be sent together, without waiting for each other (`pipelined`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg.pq import PipelineStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import ColumnElement, Connection, Executable, bindparam, cast, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import NullType

from db.literals import Form, array, array_form

OneOf = Callable[[ColumnElement[Any], str], ColumnElement[bool]]
"""`one_of(column, name)`: the column is one of the values given as `name` when the statement is run."""


class Statement:
    """A statement with named parameters. `build` is given `one_of` and returns it."""

    def __init__(self, build: Callable[[OneOf], Executable]) -> None:
        self._build = build
        self._text = ""
        self._constants: dict[str, Any] = {}
        self._forms: dict[str, Form] = {}
        self._portable: Executable | None = None

    def rows(self, tx: Connection, **values: Any) -> Sequence[Any]:
        """Runs it; rows with named columns, none when it gives none."""
        return run_all(tx, (self, values))[0]

    def send(self, tx: Connection, **values: Any) -> None:
        """Runs it without asking what came of it; within `pipelined` without waiting."""
        if tx.dialect.name == "postgresql":
            self._send(tx, values)
        else:
            self._run(tx, values)

    def _compile(self, tx: Connection) -> None:
        forms: dict[str, Form] = {}

        def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
            # Of no type of its own, so that PostgreSQL takes it for the array at once. A cast from text would be
            # done anew for each row that the condition is tested on.
            forms[name] = array_form(column.type)
            return column == func.any(cast(bindparam(name, type_=NullType()), ARRAY(column.type)))

        compiled: Any = self._build(one_of).compile(dialect=tx.dialect)  # type: ignore[attr-defined] # all of Core have it
        self._forms, self._constants, self._text = forms, dict(compiled.params), str(compiled)

    def _send(self, tx: Connection, values: dict[str, Any]) -> Any:
        if not self._text:
            self._compile(tx)
        arrays = {name: array(form, values[name]) for name, form in self._forms.items()}
        cursor = driver(tx).cursor(row_factory=namedtuple_row)
        return cursor.execute(self._text, {**self._constants, **values, **arrays})

    def _run(self, tx: Connection, values: dict[str, Any]) -> Sequence[Any]:
        if self._portable is None:
            self._portable = self._build(_expanding)
        given = {name: list(v) if isinstance(v, set | frozenset | dict) else v for name, v in values.items()}
        result = tx.execute(self._portable, given)
        return result.all() if result.returns_rows else ()


def run_all(tx: Connection, *statements: tuple[Statement, dict[str, Any]]) -> list[Sequence[Any]]:
    """Runs statements one after the other, on PostgreSQL without waiting in between; the rows of each."""
    if tx.dialect.name != "postgresql":
        return [statement._run(tx, values) for statement, values in statements]
    if len(statements) == 1:
        return [_fetched(statements[0][0]._send(tx, statements[0][1]))]
    with pipelined(tx):
        cursors = [statement._send(tx, values) for statement, values in statements]
    return [_fetched(cursor) for cursor in cursors]


@contextmanager
def pipelined(tx: Connection) -> Iterator[None]:
    """What is sent within does not wait for answers, on PostgreSQL. Errors come at the end."""
    if tx.dialect.name != "postgresql":
        yield
        return
    with driver(tx).pipeline():
        yield


def is_pipelined(tx: Connection) -> bool:
    """Whether statements are being sent without waiting; COPY is not possible then."""
    status: PipelineStatus = driver(tx).pgconn.pipeline_status
    return status != PipelineStatus.OFF


def driver(tx: Connection) -> Any:
    """psycopg's connection of a unit of work."""
    return tx.connection.driver_connection


def _expanding(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column.in_(bindparam(name, expanding=True))


def _fetched(cursor: Any) -> Sequence[Any]:
    return cursor.fetchall() if cursor.description is not None else ()

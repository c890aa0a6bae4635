# ruff: noqa: S608 - statements are put together out of names of our own tables and columns alone
"""Writes of many rows in a fixed number of statements, whatever the number of rows.

PostgreSQL: COPY, or one statement over arrays (`unnest`). SQLite: `executemany`, one prepared statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, cast, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType

from db.literals import Form, array, array_form, copy_form
from db.statement import driver, is_pipelined

Row = Mapping[str, Any]

COPY_FROM = 8
"""From this many rows on, COPY's second round trip is cheaper than the parameters of an INSERT."""

_statements: dict[tuple[str, ...], str] = {}
_forms: dict[tuple[str, str], Form] = {}


def insert_rows(tx: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Inserts rows; each must have the same keys."""
    if not rows:
        return
    if tx.dialect.name != "postgresql":
        tx.execute(insert(table), [dict(row) for row in rows])
    elif len(rows) >= COPY_FROM and not is_pipelined(tx):
        _copy(tx, table, rows)
    else:
        driver(tx).execute(_unnest_insert(table, tuple(rows[0])), _arrays(table, rows))


def insert_new(
    tx: Connection, table: Table, rows: Sequence[Row], unique: Sequence[str], give: Sequence[str]
) -> set[Any]:
    """Inserts the rows that no other row has the `unique` columns of; returns the `give` columns of those that
    were inserted (a value, or a tuple). Rows must be sorted by `unique`, so that two writers cannot deadlock."""
    if not rows:
        return set()
    if tx.dialect.name == "postgresql":
        statement = _unnest_insert(table, tuple(rows[0]), tuple(unique), tuple(give))
        found = driver(tx).execute(statement, _arrays(table, rows)).fetchall()
        return {row[0] if len(give) == 1 else tuple(row) for row in found}
    columns = [table.c[name] for name in unique]
    before = _existing(tx, columns, rows, unique)
    statement_ = sqlite.insert(table).on_conflict_do_nothing(index_elements=columns)
    tx.execute(statement_, [dict(row) for row in rows])
    inserted: set[Any] = set()
    seen = set(before)
    for row in rows:
        key = tuple(row[name] for name in unique)
        if key not in seen:
            inserted.add(row[give[0]] if len(give) == 1 else tuple(row[name] for name in give))
            if None not in key:
                seen.add(key)
    return inserted


def add_new(tx: Connection, table: Table, rows: Sequence[Row], unique: Sequence[str]) -> None:
    """As `insert_new`, when nobody asks which were new."""
    if not rows:
        return
    if tx.dialect.name == "postgresql":
        driver(tx).execute(_unnest_insert(table, tuple(rows[0]), tuple(unique)), _arrays(table, rows))
        return
    columns = [table.c[name] for name in unique]
    tx.execute(sqlite.insert(table).on_conflict_do_nothing(index_elements=columns), [dict(row) for row in rows])


def update_rows(tx: Connection, table: Table, keys: Sequence[str], rows: Sequence[Row]) -> None:
    """Updates each row found by its `keys` with the row's other values; each must have the same keys."""
    if not rows:
        return
    names = tuple(rows[0])
    if tx.dialect.name == "postgresql":
        driver(tx).execute(_unnest_update(table, names, tuple(keys)), _arrays(table, rows))
        return
    statement = update(table).where(*[table.c[name] == bindparam(f"k_{name}") for name in keys])
    statement = statement.values({name: bindparam(name) for name in names if name not in keys})
    tx.execute(statement, [{(f"k_{n}" if n in keys else n): row[n] for n in names} for row in rows])


def any_of(tx: Connection, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """`column` is one of the values, in one parameter on PostgreSQL."""
    wanted = list(values)
    if tx.dialect.name == "postgresql":
        # Of no type of its own, so that PostgreSQL takes it for the array at once. A cast from text would be done
        # anew for each row that the condition is tested on.
        literal = bindparam(None, array(array_form(column.type), wanted), type_=NullType(), unique=True)
        return column == func.any(cast(literal, postgresql.ARRAY(column.type)))
    return column.in_(wanted)


def _existing(tx: Connection, columns: list[Any], rows: Sequence[Row], unique: Sequence[str]) -> set[tuple[Any, ...]]:
    wanted = [{row[name] for row in rows} - {None} for name in unique]
    within = [column.in_(values) for column, values in zip(columns, wanted, strict=True)]
    found = tx.execute(select(*columns).where(*within)).all()
    return {tuple(row) for row in found}


def _copy(tx: Connection, table: Table, rows: Sequence[Row]) -> None:
    names = tuple(rows[0])
    forms = [(name, copy_form(table.c[name].type)) for name in names]
    lines = ["\t".join([form(row[name]) for name, form in forms]) for row in rows]
    columns = ", ".join(f'"{name}"' for name in names)
    with driver(tx).cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
        copy.write("\n".join(lines) + "\n")


def _arrays(table: Table, rows: Sequence[Row]) -> dict[str, str]:
    return {name: array(_form(table, name), [row[name] for row in rows]) for name in rows[0]}


def _form(table: Table, name: str) -> Form:
    found = _forms.get((table.name, name))
    if found is None:
        found = _forms[table.name, name] = array_form(table.c[name].type)
    return found


def _array_type(table: Table, name: str) -> str:
    return f"{table.c[name].type.compile(postgresql.dialect())}[]"  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped


def _cached(key: tuple[str, ...], make: Callable[[], str]) -> str:
    found = _statements.get(key)
    if found is None:
        found = _statements[key] = make()
    return found


def _unnest(table: Table, names: tuple[str, ...]) -> str:
    return ", ".join(f"CAST(%({name})s AS {_array_type(table, name)})" for name in names)


def _unnest_insert(
    table: Table, names: tuple[str, ...], unique: tuple[str, ...] = (), give: tuple[str, ...] = ()
) -> str:
    def make() -> str:
        columns = ", ".join(f'"{name}"' for name in names)
        statement = f'INSERT INTO "{table.name}" ({columns}) SELECT * FROM unnest({_unnest(table, names)})'
        if unique:
            statement += f" ON CONFLICT ({', '.join(unique)}) DO NOTHING"
        if give:
            statement += f" RETURNING {', '.join(give)}"
        return statement

    return _cached(("insert", table.name, *names, "/", *unique, "/", *give), make)


def _unnest_update(table: Table, names: tuple[str, ...], keys: tuple[str, ...]) -> str:
    def make() -> str:
        sets = ", ".join(f'"{name}" = v."{name}"' for name in names if name not in keys)
        match = " AND ".join(f't."{name}" = v."{name}"' for name in keys)
        columns = ", ".join(f'"{name}"' for name in names)
        return (
            f'UPDATE "{table.name}" AS t SET {sets} FROM unnest({_unnest(table, names)}) AS v ({columns}) WHERE {match}'
        )

    return _cached(("update", table.name, *names, "/", *keys), make)

"""PostgreSQL's text forms of values, for COPY and for array parameters.

A driver that adapts value by value costs more than the statement on the hot path; here a column's type is looked
at once. Formats: PostgreSQL documentation, COPY (text format) and 8.15.6 (array input).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Date, Integer, LargeBinary, Numeric, Uuid
from sqlalchemy.types import TypeEngine

from db.models.base import UtcTime

Form = Callable[[Any], str]

_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_form(type_: TypeEngine[Any]) -> Form:
    """How a value of the column type is written in a COPY line; None is `\\N`."""
    return _or(_plain(type_) or (_copy_bytes if isinstance(type_, LargeBinary) else _copy_text), "\\N")


def array_form(type_: TypeEngine[Any]) -> Form:
    """How a value of the column type is written within an array literal; None is NULL."""
    return _or(_plain(type_) or (_array_bytes if isinstance(type_, LargeBinary) else _array_text), "NULL")


def array(form: Form, values: Iterable[Any]) -> str:
    """An array literal."""
    return "{" + ",".join([form(value) for value in values]) + "}"


def _plain(type_: TypeEngine[Any]) -> Form | None:
    """Types whose text needs no quoting anywhere."""
    if isinstance(type_, Uuid):
        return _uuid
    if isinstance(type_, UtcTime):
        return datetime.isoformat
    if isinstance(type_, Date):
        return date.isoformat
    if isinstance(type_, Boolean):
        return _boolean
    return str if isinstance(type_, Integer | Numeric) else None


def _or(form: Form, null: str) -> Form:
    return lambda value: null if value is None else form(value)


def _uuid(value: UUID) -> str:
    return f"{value.int:032x}"


def _boolean(value: bool) -> str:
    return "t" if value else "f"


def _copy_bytes(value: bytes) -> str:
    return "\\\\x" + value.hex()


def _copy_text(value: str) -> str:
    if "\\" in value or "\n" in value or "\t" in value or "\r" in value:
        return value.translate(_COPY_ESCAPES)
    return value


def _array_bytes(value: bytes) -> str:
    return '"\\\\x' + value.hex() + '"'


def _array_text(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'

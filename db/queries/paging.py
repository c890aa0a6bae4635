"""Cursors and pages of lists whose ids are UUIDv7: newest first means greatest id first."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select

from schemas.errors import Reject
from schemas.page import Paging

_SLACK = timedelta(minutes=5)
"""How far the clock that made an id may be behind the time written beside it."""


def encode(*parts: str | int) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: Callable[[Any], Any]) -> list[Any]:
    """The parts of a cursor, each made by its kind. Raises `Reject` (400) when it is not one of ours."""
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if len(parts) == len(kinds):
            return [kind(part) for kind, part in zip(kinds, parts, strict=True)]
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError, binascii.Error):
        pass
    raise Reject("bad_cursor", "the cursor is not one that this list gave: leave it out to begin anew", 400)


def newest_first(
    tx: Connection, statement: Select[*tuple[Any, ...]], id_: ColumnElement[UUID], paging: Paging
) -> tuple[list[Row[*tuple[Any, ...]]], str | None]:
    """A page of the rows, the greatest id first, and the next page's cursor. The statement gives `id_` first."""
    if paging.cursor is not None:
        statement = statement.where(id_ < decode(paging.cursor, UUID)[0])
    rows = list(tx.execute(statement.order_by(id_.desc()).limit(paging.limit + 1)))
    return cut(rows, paging, lambda row: encode(str(row[0])))


def cut(
    rows: list[Row[*tuple[Any, ...]]], paging: Paging, cursor: Any
) -> tuple[list[Row[*tuple[Any, ...]]], str | None]:
    """The page out of one row more than it holds, and the cursor made of its last row."""
    page = rows[: paging.limit]
    return page, cursor(page[-1]) if len(rows) > paging.limit else None


def ids_since(moment: datetime) -> UUID:
    """A bound below every UUIDv7 of a row written at the moment or later, so that the primary key's index serves
    where no index on the time does."""
    milliseconds = max(0, int((moment.timestamp() - _SLACK.total_seconds()) * 1000))
    return UUID(int=(min(milliseconds, 2**48 - 1) << 80) | (0x7 << 76) | (0x2 << 62))

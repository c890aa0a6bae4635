"""Lists as CSV (RFC 4180), for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from schemas.reports import CrossItem

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is calculated when the file is opened; campaigns are written by strangers (OWASP, CSV
injection)."""

MEDIA_TYPE = "text/csv; charset=utf-8"


def sheet(model: type[BaseModel], items: Sequence[BaseModel]) -> bytes:
    """A line of names and one an item; UTF-8 with a mark, by which spreadsheets know it. A two-way table has a column
    for each key of `across`, called by its name."""
    text = io.StringIO()
    writer = csv.writer(text)
    for line in _crossed(items) if model is CrossItem else _plain(model, items):
        writer.writerow([_cell(value) for value in line])
    return text.getvalue().encode("utf-8-sig")


def _plain(model: type[BaseModel], items: Sequence[BaseModel]) -> Iterable[Iterable[Any]]:
    yield model.model_fields
    for item in items:
        yield item.model_dump().values()


def _crossed(items: Sequence[BaseModel]) -> Iterable[Iterable[Any]]:
    lines = [item for item in items if isinstance(item, CrossItem)]
    yield ["key", "name", *(one.name for one in (lines[0].across if lines else ())), "count"]
    for item in lines:
        yield [item.key, item.name, *(one.count for one in item.across), item.count]


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {number}" for name, number in value.items())
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_FORMULA) else value

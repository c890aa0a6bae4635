"""Lists as CSV (RFC 4180), for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is calculated when the file is opened; campaigns are written by strangers (OWASP, CSV
injection)."""


def sheet(model: type[BaseModel], items: Sequence[BaseModel]) -> Response:
    """A line of names and one an item; UTF-8 with a mark, by which spreadsheets know it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(model.model_fields)
    writer.writerows([_cell(value) for value in item.model_dump().values()] for item in items)
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_FORMULA) else value

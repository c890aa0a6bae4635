"""Counts by one thing, or by two at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from db.session import AnyRow
from opv.reports.dimensions import Dimension
from schemas.reports import CountItem, CrossItem


def counted(rows: Iterable[tuple[AnyRow, int]], by: Dimension) -> list[CountItem]:
    """Rows with their numbers, added up by the dimension's key."""
    totals: Counter[str | None] = Counter()
    for row, number in rows:
        totals[by.key(row)] += number
    return [CountItem(key=key, name=by.name(key), count=totals[key]) for key in by.order(totals)]


def crossed(rows: Iterable[tuple[AnyRow, int]], by: Dimension, across: Dimension) -> list[CrossItem]:
    """As `counted`, each line told apart by the keys of `across`, which are the same in every line."""
    cells: Counter[tuple[str | None, str | None]] = Counter()
    lines: Counter[str | None] = Counter()
    columns: Counter[str | None] = Counter()
    for row, number in rows:
        line, column = by.key(row), across.key(row)
        cells[line, column] += number
        lines[line] += number
        columns[column] += number
    keys = [(key, across.name(key)) for key in across.order(columns)]
    return [
        CrossItem(
            key=line, name=by.name(line), count=lines[line],
            across=[CountItem(key=key, name=name, count=cells[line, key]) for key, name in keys],
        )
        for line in by.order(lines)
    ]  # fmt: skip

"""How long clients wait for the first contact."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection

from db.queries import reports
from opv.house import House
from opv.reports.dimensions import name_of
from schemas.reports import FirstContactFilters, FirstContactItem


def first_contacts(
    tx: Connection, house: House, seen: ColumnElement[bool], filters: FirstContactFilters
) -> list[FirstContactItem]:
    """Time to first contact by broker, of the OPVs created in the period. Raises `Reject` (422) for an empty period."""
    waits: dict[str | None, list[float | None]] = defaultdict(list)
    for broker, wait in reports.first_contacts(tx, seen, filters.period(house.zone)):
        waits[broker].append(None if wait is None else wait.total_seconds())
    return [_item(house, key, waits[key]) for key in sorted(waits, key=lambda key: key or "")]


def _item(house: House, broker: str | None, waits: Sequence[float | None]) -> FirstContactItem:
    seconds = sorted(wait for wait in waits if wait is not None)
    # `inclusive`: the figures are of all OPVs, not of a sample of them, and lie between the least and the most.
    cuts = statistics.quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else seconds * 19
    return FirstContactItem(
        key=broker, name=name_of(house, "broker", broker), count=len(seconds), waiting=len(waits) - len(seconds),
        median=cuts[9] if cuts else None, p75=cuts[14] if cuts else None, p90=cuts[17] if cuts else None,
    )  # fmt: skip

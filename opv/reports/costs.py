"""What leads cost, where the configuration says what was paid for campaigns, media or origins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection

from db.queries import reports
from opv.catalog import REGISTRIES
from opv.house import House
from opv.reports.dimensions import registered
from schemas.config import MediaCost, Named
from schemas.reports import CostFilters, CostItem, Period

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def costs(
    tx: Connection, house: House, seen: ColumnElement[bool], filters: CostFilters, now: datetime
) -> list[CostItem]:
    """Cost, leads, OPVs and sales of each campaign, medium or origin with a cost in the period, the dearest first. A
    cost falls evenly on its days; a day that the period touches counts whole, days to come do not. Raises `Reject`
    (422) for an empty period."""
    period = filters.period(house.zone)
    found: Counter[tuple[str | None, str]] = Counter()
    for row in reports.leads(tx, seen, [filters.by], period):
        key = registered(house, filters.by, row._mapping[filters.by])
        for name in ("leads", "opvs", "sales"):
            found[key, name] += int(row._mapping[name])
    days = _days(house, period, now)
    listed: Sequence[Named] = getattr(house.configuration, REGISTRIES[filters.by])
    items = [_item(one, sum(_parts(one.costs, *days), Decimal()), found) for one in listed if one.costs]
    return sorted((item for item in items if item.cost or item.leads), key=lambda item: (-item.cost, item.key))


def _item(one: Named, cost: Decimal, found: Counter[tuple[str | None, str]]) -> CostItem:
    leads, opvs, sales = (found[one.key, name] for name in ("leads", "opvs", "sales"))
    each = [float(round(cost / number, 2)) if number else None for number in (leads, opvs, sales)]
    return CostItem(
        key=one.key, name=one.name, cost=float(round(cost, 2)), leads=leads, opvs=opvs, sales=sales,
        cost_per_lead=each[0], cost_per_opv=each[1], cost_per_sale=each[2],
    )  # fmt: skip


def _days(house: House, period: Period, now: datetime) -> tuple[date, date]:
    """The first and last day of the company that the period touches, until today at most."""
    until = min(period.until or now, now)
    last = (until - _TICK).astimezone(house.zone).date()
    return period.since.astimezone(house.zone).date() if period.since else date.min, last


def _parts(costs: Sequence[MediaCost], first: date, last: date) -> Iterator[Decimal]:
    for one in costs:
        days = (min(one.until, last) - max(one.from_, first)) / _DAY + 1
        if days > 0:
            yield one.value * int(days) / ((one.until - one.from_) // _DAY + 1)

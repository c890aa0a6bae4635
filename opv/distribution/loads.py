"""What brokers have at present: open OPVs, those not contacted yet, and the leads given to them lately."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, func, select

from db.models import Base
from db.models.base import UtcTime
from db.statement import Statement, run_all
from opv.distribution.pickers import Load

_OPVS = Base.metadata.tables["opportunities"]
_GIVEN = Base.metadata.tables["assignments"]

_SALES = Statement(
    lambda one_of: (
        select(
            _OPVS.c.broker,
            func.count().label("open"),
            func.count().filter(_OPVS.c.first_contact_at.is_(None)).label("backlog"),
        )
        .where(_OPVS.c.status == "open", _OPVS.c.broker.is_not(None), one_of(_OPVS.c.broker, "brokers"))
        .group_by(_OPVS.c.broker)
    )
)
_PRESALES = Statement(
    lambda one_of: (
        select(
            _OPVS.c.presales_broker.label("broker"),
            func.count().label("open"),
            func.count().filter(_OPVS.c.first_contact_at.is_(None)).label("backlog"),
        )
        .where(
            _OPVS.c.status == "open",
            _OPVS.c.presales_broker.is_not(None),
            one_of(_OPVS.c.presales_broker, "brokers"),
            _OPVS.c.broker.is_(None),
        )
        .group_by(_OPVS.c.presales_broker)
    )
)
_LATELY = Statement(
    lambda one_of: (
        select(
            _GIVEN.c.broker,
            func.count().filter(_GIVEN.c.since >= bindparam("day", type_=UtcTime())).label("day"),
            func.count().filter(_GIVEN.c.since >= bindparam("week", type_=UtcTime())).label("week"),
            func.count().label("days30"),
            func.max(_GIVEN.c.since).label("last_given_at"),
        )
        .where(
            _GIVEN.c.broker.is_not(None),
            one_of(_GIVEN.c.broker, "brokers"),
            _GIVEN.c.since >= bindparam("month", type_=UtcTime()),
            _GIVEN.c.part != "second",
        )
        .group_by(_GIVEN.c.broker)
    )
)


def day_of(now: datetime, zone: ZoneInfo) -> datetime:
    """When the company's day began."""
    return datetime.combine(now.astimezone(zone).date(), time.min, zone)


def load_all(tx: Connection, brokers: Collection[str], now: datetime, zone: ZoneInfo) -> dict[str, Load]:
    """Loads of the brokers, of all of them: three statements, each over an index of just those rows. One who was given
    nothing for 30 days counts as one who never was."""
    if not brokers:
        return {}
    day = day_of(now, zone)
    week = day_of(day - timedelta(days=day.weekday()), zone)
    since = {"day": day, "week": week, "month": now - timedelta(days=30)}
    held, early, given = run_all(
        tx, (_SALES, {"brokers": brokers}), (_PRESALES, {"brokers": brokers}), (_LATELY, {"brokers": brokers, **since})
    )
    loads = {broker: Load() for broker in brokers}
    for row in (*held, *early):
        load = loads[row.broker]
        load.open, load.backlog = load.open + row.open, load.backlog + row.backlog
    for row in given:
        load = loads[row.broker]
        load.day, load.week, load.days30 = row.day, row.week, row.days30
        load.last_given_at = row.last_given_at
    return loads


def add(loads: Mapping[str, Load], broker: str, now: datetime) -> None:
    """One lead more."""
    load = loads.get(broker)
    if load is not None:
        load.open, load.backlog, load.day = load.open + 1, load.backlog + 1, load.day + 1
        load.week, load.days30, load.last_given_at = load.week + 1, load.days30 + 1, now

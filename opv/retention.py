"""Retention: raw requests are blanked when their time is over (`retention` of the configuration, by outcome). Outcome,
reason and keys stay, so that a lead is known again; what was read out of a request is not touched.

A walk goes through the deliveries in the order of their ids, which is that of their times, and keeps its place for each
outcome: what was looked at is not looked at again. As a delivery's outcome may change after the walk has passed it,
it begins anew now and then, and when the configuration asks for other times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, update

from db.bulk import any_of
from db.models import Base, DeliveryOutcome
from db.queries.paging import ids_since
from opv.tombstones import BLANK_REQUEST
from schemas.config import Retention
from schemas.data_subject import RetentionItem
from schemas.duration import Duration

_DELIVERIES = Base.metadata.tables["deliveries"]
_SUBMISSIONS = Base.metadata.tables["submissions"]

AT_ONCE = 500
"""Deliveries blanked in one unit of work."""

ANEW_AFTER = timedelta(days=7)
"""How often the walk begins at the first delivery."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the walk has come: since when it walks, with which times, and the last id by outcome."""

    begun_at: datetime
    keep: Mapping[str, str]
    places: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, retention: Retention, now: datetime) -> Walk:
        """The walk to go on with: what was kept, or a new one."""
        kept, keep = json.loads(text), kept_for(retention)
        if kept and kept["keep"] == keep:
            walk = cls(datetime.fromisoformat(kept["begun_at"]), keep, kept["places"])
            if now - walk.begun_at < ANEW_AFTER:
                return walk
        return cls(now, keep)

    def text(self) -> str:
        """To be kept in a row."""
        return json.dumps({"begun_at": self.begun_at.isoformat(), "keep": self.keep, "places": self.places})


def kept_for(retention: Retention) -> dict[str, str]:
    """For how long requests are kept, by outcome; for those that the configuration says."""
    return {name: str(value) for name, value in retention.model_dump().items() if value is not None}


def due(tx: Connection, retention: Retention, now: datetime) -> list[RetentionItem]:
    """How many deliveries of each outcome would be blanked now. Looks at all that are old enough."""
    keep = kept_for(retention)
    found = []
    for outcome in Retention.model_fields:
        count = 0
        if outcome in keep:
            where = _due(outcome, _before(keep[outcome], now), None)
            count = tx.execute(select(func.count()).select_from(_DELIVERIES).where(*where)).scalar_one()
        found.append(RetentionItem(outcome=outcome, keep=keep.get(outcome), due=count))
    return found


def blank_some(tx: Connection, walk: Walk, now: datetime) -> tuple[int, Walk]:
    """Blanks the next deliveries whose time is over; how many (none: the walk is at its end), and how far it is."""
    d, s = _DELIVERIES.c, _SUBMISSIONS.c
    places = dict(walk.places)
    for outcome, keep in walk.keep.items():
        before, place = _before(keep, now), places.get(outcome)
        statement = select(d.id).where(*_due(outcome, before, UUID(place) if place else None))
        ids = list(tx.execute(statement.order_by(d.id).limit(AT_ONCE).with_for_update(skip_locked=True)).scalars())
        if ids:
            tx.execute(update(_DELIVERIES).where(any_of(tx, d.id, ids)).values(**BLANK_REQUEST, erased_at=now))
            read_out = any_of(tx, s.delivery_id, ids)
            tx.execute(update(_SUBMISSIONS).where(read_out).values(pointer=None, fetched=None, address=None))
            places[outcome] = str(ids[-1])
            return len(ids), replace(walk, places=places)
        places[outcome] = str(max(ids_since(before), UUID(place) if place else UUID(int=0)))
    return 0, replace(walk, places=places)


def _due(outcome: str, before: datetime, after: UUID | None) -> Iterator[ColumnElement[bool]]:
    """Conditions on deliveries: a range of the primary key."""
    d = _DELIVERIES.c
    yield d.id < ids_since(before + _LATE_IDS)
    if after is not None:
        yield d.id > after
    yield d.outcome == DeliveryOutcome[outcome.upper()].value
    yield d.erased_at.is_(None)
    yield d.received_at < before


_LATE_IDS = timedelta(minutes=10)
"""How far an id may be ahead of the time written beside it (and as much again, that `ids_since` takes off)."""


def _before(keep: str, now: datetime) -> datetime:
    return now - Duration.parse(keep).span

"""OPVs that are there to be claimed, as their queues' brokers see them: not whose they are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, or_, select

from db.models import CaptureOrigin, DistributionWork, Opportunity
from db.queries.paging import newest_first
from opv.access import Viewer
from opv.distribution.claims import claimable_by, gates_for
from opv.distribution.gates import is_capped
from opv.distribution.loads import load_all
from opv.distribution.queues import lines_of, queue_key
from opv.distribution.waiting import OFFERED, POOL
from opv.house import House
from schemas.offers import OfferItem
from schemas.page import Page, Paging

_ROLES = {"sales": "broker", "presales": "presales"}
"""Who claims a part."""


def offers(tx: Connection, house: House, viewer: Viewer, now: datetime, paging: Paging) -> Page[OfferItem]:
    """What the person may claim now, the newest OPV first. A page may hold fewer than asked for."""
    w, o, card = DistributionWork, Opportunity, CaptureOrigin
    city = (
        select(card.city).where(card.opportunity_id == o.id).order_by(card.seq.desc()).limit(1).scalar_subquery()
    )  # fmt: skip
    statement = (
        select(
            o.id, o.number, o.client_id, o.development, city.label("city"), w.state, w.queue, w.rule, w.part, w.since,
            w.due_at,
        )
        .join(w, w.opportunity_id == o.id)
        .where(
            o.status == "open",
            w.state.in_((OFFERED, POOL)),
            or_(w.due_at.is_(None), w.due_at > now),
            w.queue.in_(sorted(set(lines_of(viewer.person, house)))),
            w.part.in_([part for part, role in _ROLES.items() if role == viewer.role]),
        )
    )  # fmt: skip
    rows, next_ = newest_first(tx, statement, o.id.expression, paging)
    gates, paused = gates_for(tx, house, now, [row.id for row in rows])
    if any(is_capped(house.queues[queue_key(row.queue)], house, (viewer.person,)) for row in rows):
        gates.loads = load_all(tx, [viewer.person], now, house.zone)
    items = [
        OfferItem(
            id=row.id, number=row.number, kind=row.state, queue=queue_key(row.queue), development=row.development,
            city=row.city, since=row.since, until=row.due_at,
        )
        for row in rows
        if queue_key(row.queue) not in paused
        and claimable_by(viewer.person, row, row.client_id, house, gates) is None
    ]  # fmt: skip
    return Page(items=items, next=next_)

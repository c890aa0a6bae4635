"""Replay: a delivery is put back on ingest's work list, to be read anew from the stored request."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.models import Delivery, DeliveryOutcome
from schemas.errors import Reject

log = logging.getLogger("porteiro.replay")


def replay(tx: Connection, delivery_id: UUID, now: datetime, by: str) -> None:
    """Puts a delivery back. Leads of it that were captured stay as they are: ingest knows them again.

    Raises `Reject`: `unknown_delivery` (404), `still_pending` (409)."""
    statement = (
        update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.outcome != DeliveryOutcome.PENDING)
        .values(due_at=now, attempts=0, lease=None, outcome=DeliveryOutcome.PENDING.value, replays=Delivery.replays + 1)
        .returning(Delivery.id)
    )
    if tx.execute(statement).first() is None:
        known = tx.execute(select(Delivery.id).where(Delivery.id == delivery_id)).first()
        if known is None:
            raise Reject("unknown_delivery", "no such delivery", 404)
        raise Reject("still_pending", "the delivery still waits to be processed: look at it again later", 409)
    log.info("delivery %s put back by %s", delivery_id, by)

"""Fields that platforms sent and their source does not know."""

from __future__ import annotations

from sqlalchemy import Connection, select

from db.models import ChannelRow
from db.models.upkeep import Drift
from schemas.operations import DriftItem

_MOST = 1000


def drifted(tx: Connection) -> list[DriftItem]:
    """Each once, the newest first."""
    d = Drift
    statement = (
        select(d.source, d.field, ChannelRow.key.label("channel"), d.delivery_id.label("delivery"), d.first_at)
        .join_from(d, ChannelRow, ChannelRow.id == d.channel)
        .order_by(d.first_at.desc(), d.source, d.field)
        .limit(_MOST)
    )
    return [DriftItem(**row._mapping) for row in tx.execute(statement)]

"""Drift: fields that a platform sends and its source has never heard of, each reported once."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from db.bulk import insert_new
from db.models import Base
from opv.submissions import Received
from schemas.drift import unknown_fields
from schemas.source import IMPORT_HEADER, RECONCILED_HEADER

_DRIFT = Base.metadata.tables["drift"]

MAX_BODY = 1024 * 1024
"""Bytes of a body that is looked into."""

AGAIN = timedelta(minutes=1)
"""A field that a process has reported is reported again after so long: the unit of work may have been undone."""

_MOST = 10_000
"""Fields that a process remembers: senders whose fields have names of their own would fill the memory."""

log = logging.getLogger("porteiro.drift")


class DriftWatch:
    """Looks into the JSON bodies that one process ingests. Costs about 8 µs a body, and a statement when a field is
    unknown, at most one a minute for each field."""

    def __init__(self) -> None:
        self._reported: dict[tuple[str, str], datetime] = {}

    def note(self, tx: Connection, received: Iterable[Received], now: datetime) -> None:
        """Records the unknown fields of deliveries: names, never values."""
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for one in received:
            for source, field in _unknown(one):
                if now - self._reported.get((source, field), now - AGAIN) >= AGAIN:
                    rows.setdefault((source, field), {
                        "source": source, "field": field, "channel": one.channel, "delivery_id": one.id,
                        "first_at": one.received_at,
                    })  # fmt: skip
        if not rows:
            return
        new = insert_new(tx, _DRIFT, [rows[key] for key in sorted(rows)], ("source", "field"), ("source", "field"))
        for source, field in sorted(new):
            log.info("source %s: a delivery holds the unknown field %s", source, field)
        if len(self._reported) + len(rows) > _MOST:
            self._reported.clear()
        self._reported.update(dict.fromkeys(rows, now))


def _unknown(received: Received) -> list[tuple[str, str]]:
    """Source and path of each unknown field of a delivery; none when its source declares no fields, or it is no
    request of the platform."""
    entrance, request = received.entrance, received.request
    if entrance is None or entrance.source.known_fields is None:
        return []
    if request.body[:1] not in (b"{", b"[") or len(request.body) > MAX_BODY:
        return []
    if IMPORT_HEADER in request.headers or RECONCILED_HEADER in request.headers:
        return []
    try:
        body = orjson.loads(request.body)
    except ValueError:
        return []  # what only a patient reader reads, as NaN or Latin-1: reading it twice would cost too much
    slug = entrance.source.slug
    return [(slug, field) for field in unknown_fields(body, entrance.source.known_fields)]

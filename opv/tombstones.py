"""What stays of the leads of a person who was erased: enough to know a lead again that is sent or pulled once more, and
nothing that tells whose it was.

A submission's key may hold a phone or an e-mail (WhatsApp's ids do, in base64), so that its hash takes its place. The
marks of the lead's contacts, by which another person under the same id is told apart, are hashed once more together
with the key, which is not kept: they cannot be found out by trying all phones there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, update

from db.bulk import any_of
from db.models import Base

_DELIVERIES = Base.metadata.tables["deliveries"]

ERASED = "erased"
"""Reason of a submission whose person was erased, and of what cannot be done to a delivery without its request."""

DETAIL = "the data of its person were erased on request"

BLANK_REQUEST = {"url": b"", "headers": b"", "body": b""}
"""What a delivery holds once its request is gone."""

BLANK_DELIVERY = {**BLANK_REQUEST, "sha256": b""}
"""The same of an erased person: the hash of a short body could be found out by trying."""

_PREFIX = "erased:"
_PULLED = "pulled:"
_MARK = 8


def tombstone(key: str) -> str:
    """The key that takes the place of an erased submission's. One that is but a hash, made by reconciliation, stays."""
    if key.startswith((_PREFIX, _PULLED)):
        return key
    return f"{_PREFIX}{hashlib.sha256(key.encode()).hexdigest()}"


def veiled(person: bytes | None, key: str) -> bytes | None:
    """The marks of a lead's contacts as the tombstone of its key keeps them."""
    if person is None:
        return None
    marks = (person[i : i + _MARK] for i in range(0, len(person), _MARK))
    return b"".join(sorted(hashlib.sha256(key.encode() + mark).digest()[:_MARK] for mark in marks))


def blank_deliveries(tx: Connection, ids: Iterable[UUID], now: datetime) -> None:
    """Blanks deliveries of an erased person."""
    wanted = sorted(set(ids))
    if wanted:
        c = _DELIVERIES.c
        tx.execute(update(_DELIVERIES).where(any_of(tx, c.id, wanted)).values(**BLANK_DELIVERY, erased_at=now))


def take_off(tx: Connection, ids: Iterable[UUID], now: datetime) -> None:
    """The same of deliveries that may wait to be read anew; their outcome is the caller's to find."""
    wanted = sorted(set(ids))
    if wanted:
        c = _DELIVERIES.c
        gone = {**BLANK_DELIVERY, "erased_at": now, "due_at": None, "lease": None, "attempts": 0}
        tx.execute(update(_DELIVERIES).where(any_of(tx, c.id, wanted)).values(**gone))

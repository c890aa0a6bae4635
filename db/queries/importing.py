"""What an import of a file asks and writes: which lines are there already, and the new ones as deliveries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.bulk import any_of, insert_rows
from db.models import Base, Delivery, DeliveryOutcome, Outcome, Submission
from schemas.source import IMPORT_HEADER

_DELIVERIES = Base.metadata.tables["deliveries"]
_MARK = re.compile(rf"^{IMPORT_HEADER}: (\S+)\r$".encode(), re.MULTILINE)
_READ_AT_ONCE = 1000

NO_SECRET = -1
"""In a delivery's `secret`: none verified it, since it did not come over HTTP."""


class KnownKey(NamedTuple):
    """The submission that has a key: how it stands, and whose contacts it has (`opv.submissions.person_marks`)."""

    id: UUID
    outcome: Outcome
    person: bytes | None


class NewLine(NamedTuple):
    """A line as the delivery that it becomes. Work on it is due at `due_at`."""

    id: UUID
    received_at: datetime
    due_at: datetime
    sha256: bytes
    url: bytes
    headers: bytes
    body: bytes


def known_keys(tx: Connection, namespace: str, keys: Iterable[str]) -> dict[str, KnownKey]:
    """The submissions that have these keys."""
    s = Submission
    rows = tx.execute(
        select(s.key, s.id, s.outcome, s.person).where(s.namespace == namespace, any_of(tx, s.key.expression, keys))
    )
    return {row.key: KnownKey(row.id, Outcome(row.outcome), row.person) for row in rows}


def waiting_marks(tx: Connection, channel: int) -> set[str]:
    """Marks (values of the import header) of the channel's deliveries that ingest has not read yet: these have no
    submission that one could find by key. Costs what waits, not what is stored."""
    d = Delivery
    rows = tx.execute(
        select(d.headers).where(d.due_at.is_not(None), d.channel == channel),
        execution_options={"yield_per": _READ_AT_ONCE},
    ).scalars()
    return {found[1].decode() for headers in rows if (found := _MARK.search(headers))}


def import_headers(mark: str) -> bytes:
    """The header lines of an imported line's delivery. `mark` is ASCII without spaces."""
    return f"content-type: application/json\r\n{IMPORT_HEADER}: {mark}\r\n".encode()


def insert_lines(tx: Connection, channel: int, lines: Sequence[NewLine]) -> None:
    """Stores lines as deliveries of the channel."""
    insert_rows(tx, _DELIVERIES, [{**line._asdict(), "channel": channel, "secret": NO_SECRET} for line in lines])


def release_keys(tx: Connection, submissions: Sequence[UUID]) -> None:
    """Takes the key from parked submissions, so that a line which brings the lead can be captured under it."""
    if submissions:
        where = (any_of(tx, Submission.id.expression, submissions), Submission.outcome == Outcome.PARKED.value)
        tx.execute(update(Submission).where(*where).values(key=None))


def outcomes(tx: Connection, deliveries: Sequence[UUID]) -> Counter[Outcome]:
    """How many of the deliveries have which outcome."""
    rows = tx.execute(select(Delivery.outcome).where(any_of(tx, Delivery.id.expression, deliveries))).scalars()
    return Counter(DeliveryOutcome(row).outcome for row in rows)

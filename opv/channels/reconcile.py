"""Reconciliation: what the platform's API has and the webhook did not bring.

Leads that no submission is known of are stored as deliveries of the same channel and go the usual way; the same key
makes a later webhook a repeat. Leads younger than `SETTLE` are left for the webhook, which may be on its way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select, update

from db.bulk import insert_rows
from db.ids import new_id
from db.models import Base
from db.session import Database
from db.statement import Statement
from opv.channels.alarms import clear_alarm, raise_alarm
from opv.house import House
from opv.step import Clock
from opv.submissions import bounded_key, namespace_of
from schemas.errors import PorteiroError
from schemas.source import RECONCILED_HEADER, Entrance, HttpClient, Recent

_DELIVERIES = Base.metadata.tables["deliveries"]
_SUBMISSIONS = Base.metadata.tables["submissions"]
_RECONCILIATIONS = Base.metadata.tables["reconciliations"]

_KNOWN = Statement(
    lambda one_of: select(_SUBMISSIONS.c.namespace, _SUBMISSIONS.c.key).where(one_of(_SUBMISSIONS.c.key, "keys"))
)

SETTLE = timedelta(minutes=10)
PAGE = 200
ALARM = "only_by_reconciliation"


class Pull:
    """One reconciliation of one channel. Iterating asks the platform and stores, page by page; each step gives
    `(seen, found)` so far. Raises `Retry` or `Park` as the source does; what was stored until then stays."""

    def __init__(self, database: Database, entrance: Entrance, http: HttpClient, clock: Clock, since: datetime) -> None:
        self._database = database
        self._entrance = entrance
        self._http = http
        self._clock = clock
        self._since = since
        self.seen = 0
        self.found = 0

    def pages(self) -> Iterator[tuple[int, int]]:
        """Runs it."""
        settled = self._clock() - SETTLE
        recent = self._entrance.source.recent(self._entrance, self._http, self._since)
        leads = (one for one in recent if one.submitted_at is None or one.submitted_at <= settled)
        while page := list(islice(leads, PAGE)):
            self.seen += len(page)
            self.found += self._store(page)
            yield self.seen, self.found

    def _store(self, page: Sequence[Recent]) -> int:
        namespace = namespace_of(self._entrance)
        keys = {bounded_key(one.key) for one in page}
        with self._database.write() as tx:
            known = {row.key for row in _KNOWN.rows(tx, keys=keys) if row.namespace == namespace}
            missing = {key: one for one in page if (key := bounded_key(one.key)) not in known}
            now = self._clock()
            rows = [
                {
                    "id": new_id(), "channel": self._entrance.id, "received_at": now, "due_at": now, "secret": -1,
                    "sha256": hashlib.sha256(one.answer).digest(),
                    "url": f"porteiro:reconciliation/{self._entrance.key}".encode(),
                    "headers": f"{RECONCILED_HEADER}: 1\r\n".encode(), "body": one.answer,
                }
                for one in missing.values()
            ]  # fmt: skip
            insert_rows(tx, _DELIVERIES, rows)
        return len(rows)


def reconcile(
    database: Database, house: House, entrance: Entrance, http: HttpClient, clock: Clock, since: datetime
) -> Iterable[tuple[int, int]]:
    """A pull with its record and its alarm. Gives `(seen, found)` page by page."""
    id_, started = new_id(), clock()
    with database.write() as tx:
        row = {"id": id_, "channel": entrance.id, "since": since, "started_at": started, "finished_at": None,
               "seen": 0, "found": 0, "reason": None}  # fmt: skip
        insert_rows(tx, _RECONCILIATIONS, [row])
    pull = Pull(database, entrance, http, clock, since)
    reason: str | None = None
    try:
        yield from pull.pages()
    except PorteiroError as error:
        reason = error.reason
        raise
    finally:
        with database.write() as tx:
            values = {"finished_at": clock(), "seen": pull.seen, "found": pull.found, "reason": reason}
            tx.execute(update(_RECONCILIATIONS).where(_RECONCILIATIONS.c.id == id_).values(**values))
            if pull.found:
                detail = f"{pull.found} leads came only by reconciliation: the webhook is broken"
                raise_alarm(tx, ALARM, entrance.id, detail, house, clock())
            elif reason is None:
                clear_alarm(tx, ALARM, entrance.id, clock())

"""Reconciliation: what the platform's API has and the webhook did not bring.

Leads that no submission is known of are stored as deliveries of the same channel and go the usual way; the same key
makes a later webhook a repeat. Leads younger than `SETTLE` are left for the webhook, which may be on its way. A pull
goes page by page, and what it needs to go on is kept with each page: one that dies in the middle is continued.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.bulk import any_of, insert_rows
from db.ids import new_id
from db.models import Base, Outcome
from db.queries.importing import NO_SECRET
from db.queries.paging import ids_since
from db.session import Database
from opv.channels.alarms import ONLY_BY_RECONCILIATION, Trouble, clear_alarms, open_alarms, raise_alarms
from opv.house import House
from opv.step import Clock
from opv.submission_keys import bounded_key, namespace_of, pulled_key
from opv.submissions import Received, read
from opv.tombstones import tombstone
from schemas.errors import Park, Retry
from schemas.source import RECONCILED_HEADER, Entrance, HttpClient, Recent, request_from

_DELIVERIES = Base.metadata.tables["deliveries"]
_SUBMISSIONS = Base.metadata.tables["submissions"]
_RECONCILIATIONS = Base.metadata.tables["reconciliations"]

SETTLE = timedelta(minutes=10)
BEHIND = timedelta(seconds=30)
"""A delivery of the channel that waits longer to be read may hold what seems to be missing."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """How far a pull has come; after a page, without a `place` it is done. `seen` counts the leads in the platform's
    list, `found` those that only it brought and that have a usable contact."""

    id: UUID
    since: datetime
    started_at: datetime
    place: str | None = None
    seen: int = 0
    found: int = 0

    @classmethod
    def begin(cls, since: datetime, now: datetime) -> Pulled:
        """Of a new pull."""
        return cls(new_id(), since, now)

    def text(self) -> str:
        """To be kept in a row."""
        kept = {"id": str(self.id), "since": self.since.isoformat(), "started_at": self.started_at.isoformat()}
        return json.dumps({**kept, "place": self.place, "seen": self.seen, "found": self.found})

    @classmethod
    def read(cls, text: str) -> Pulled | None:
        """What was kept; None when no pull is under way."""
        kept = json.loads(text)
        if not kept:
            return None
        since, started = (datetime.fromisoformat(kept[name]) for name in ("since", "started_at"))
        return cls(UUID(kept["id"]), since, started, kept["place"], kept["seen"], kept["found"])


Keep = Callable[[Connection, Pulled], None]
"""Keeps how far a pull has come, in the transaction of its page. Raises when the pull is no longer ours to do."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Pulls one channel's leads. `quiet`: raises and clears no alarm, as when leads from before the channel's time are
    asked for."""

    database: Database
    house: House
    entrance: Entrance
    http: HttpClient
    clock: Clock
    keep: Keep
    quiet: bool = False

    def page(self, pulled: Pulled) -> Pulled:
        """Asks for the next page and stores what is missing of it. Raises `Retry` or `Park` as the source does; what
        was stored until then stays."""
        page = self.entrance.source.recent(self.entrance, self.http, pulled.since, pulled.place)
        if page.next is not None and page.next == pulled.place:
            raise Park("paging_stuck", "the platform gives the same page again and again")
        settled = pulled.started_at - SETTLE
        leads = [one for one in page.leads if one.submitted_at is None or one.submitted_at <= settled]
        with self.database.write() as tx:
            found = self._store(tx, leads, pulled.since)
            after = replace(pulled, place=page.next, seen=pulled.seen + len(leads), found=pulled.found + found)
            self._record(tx, pulled, after)
            if after.place is None:
                self.tell(tx, after, whole=True)
            self.keep(tx, after)
        return after

    def fail(self, pulled: Pulled, reason: str) -> None:
        """Ends the record of a pull that will not be gone on with."""
        with self.database.write() as tx:
            where = _RECONCILIATIONS.c.id == pulled.id
            tx.execute(update(_RECONCILIATIONS).where(where).values(finished_at=self.clock(), reason=reason))
            self.tell(tx, pulled, whole=False)

    def tell(self, tx: Connection, pulled: Pulled, *, whole: bool) -> None:
        """Raises the alarm when leads came only by the pull; clears it when the whole of it brought none."""
        channel, now = self.entrance.id, self.clock()
        if pulled.found and not self.quiet:
            detail = f"{pulled.found} leads came only by reconciliation: the webhook is broken"
            raise_alarms(tx, [Trouble(ONLY_BY_RECONCILIATION, channel, detail)], self.house, now)
        elif whole and not pulled.found:
            open_ = open_alarms(tx).get((ONLY_BY_RECONCILIATION, channel))
            clear_alarms(tx, [open_] if open_ else [], now)

    def _record(self, tx: Connection, before: Pulled, after: Pulled) -> None:
        figures = {"seen": after.seen, "found": after.found, "reason": None}
        done = {"finished_at": self.clock() if after.place is None else None}
        if before.place is None:
            row = {"id": after.id, "channel": self.entrance.id, "since": after.since, "started_at": after.started_at}
            insert_rows(tx, _RECONCILIATIONS, [{**row, **done, **figures}])
        else:
            tx.execute(update(_RECONCILIATIONS).where(_RECONCILIATIONS.c.id == after.id).values(**done, **figures))

    def _store(self, tx: Connection, leads: Sequence[Recent], since: datetime) -> int:
        """Stores the leads that nothing is known of as deliveries; how many of them can be captured."""
        missing = self._missing(tx, {key: one for one in leads if (key := bounded_key(one.key))}, since)
        insert_rows(tx, _DELIVERIES, [self._delivery(key, one) for key, one in missing.items()])
        # A lead without a contact, or the platform's test, is kept in sight but no proof of a broken webhook.
        return sum(self._can_be_captured(key, one) for key, one in missing.items())

    def _missing(self, tx: Connection, leads: Mapping[str, Recent], since: datetime) -> dict[str, Recent]:
        c, d = _SUBMISSIONS.c, _DELIVERIES.c
        marks = {key: mark_of(key) for key in leads}
        graves = {key: tombstone(key) for key in leads}
        wanted = [*leads, *graves.values(), *(pulled_key(mark) for mark in marks.values())]
        if not wanted:
            return {}
        where = (c.namespace == namespace_of(self.entrance), any_of(tx, c.key, wanted))
        known = set(tx.execute(select(c.key).where(*where)).scalars())
        names = {key: {key, graves[key], pulled_key(marks[key])} for key in leads}
        missing = {key: one for key, one in leads.items() if known.isdisjoint(names[key])}
        if not missing:
            return {}
        waiting = (d.due_at.is_not(None), d.channel == self.entrance.id)
        if tx.execute(select(d.id).where(*waiting, d.received_at < self.clock() - BEHIND).limit(1)).first():
            detail = "deliveries of the channel wait to be read; what seems to be missing may be among them"
            raise Retry("deliveries_waiting", detail)
        headers = {key: _headers(marks[key]) for key in missing}
        stored = set(tx.execute(select(d.headers).where(*waiting, any_of(tx, d.headers, headers.values()))).scalars())
        # What the webhook brought and was parked has no key: it may be sent again.
        parked = (c.outcome == Outcome.PARKED.value, c.id >= ids_since(since), c.channel == self.entrance.id)
        in_sight = set(tx.execute(select(c.external_id).where(*parked, any_of(tx, c.external_id, missing))).scalars())
        return {k: one for k, one in missing.items() if headers[k] not in stored and k not in in_sight}

    def _delivery(self, key: str, lead: Recent) -> dict[str, object]:
        now = self.clock()
        return {
            "id": new_id(), "channel": self.entrance.id, "received_at": now, "due_at": now, "secret": NO_SECRET,
            "sha256": hashlib.sha256(lead.answer).digest(),
            "url": f"porteiro:reconciliation/{self.entrance.key}".encode(),
            "headers": _headers(mark_of(key)), "body": lead.answer,
        }  # fmt: skip

    def _can_be_captured(self, key: str, lead: Recent) -> bool:
        request = request_from("POST", b"", _headers(mark_of(key)), lead.answer)
        received = Received(new_id(), self.entrance, self.entrance.id, self.clock(), request, replayed=False)
        return any(one.outcome is Outcome.CAPTURED for one in read(received, self.house.junk))


def mark_of(key: str) -> str:
    """The hash of a submission's key that goes with its delivery."""
    return hashlib.sha256(key.encode()).hexdigest()


def _headers(mark: str) -> bytes:
    return f"content-type: application/json\r\n{RECONCILED_HEADER}: {mark}\r\n".encode()

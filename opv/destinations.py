"""The breaker of each configured target, in the database: a system that does not answer is left alone for a while.

After some failures in a row its messages are put off without being tried, so that it costs none of them a try. When
the time is over one message is sent as a probe, by one process; what comes of it closes the breaker or opens it anew.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from threading import Lock
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, update

from db.bulk import add_new, any_of, update_rows
from db.models import Base
from db.session import AnyRow
from opv.retry import JITTER
from schemas.errors import PorteiroError, Retry
from schemas.target import Answer, Refused

FAILURES = 5
"""Tries in a row, of whatever messages, that open the breaker."""
FIRST, LONGEST = timedelta(seconds=30), timedelta(minutes=10)
"""How long it is open at first, twice that after each probe in vain, and at most."""
PROBE = timedelta(minutes=2)
"""How long other processes leave a probe to the one that sends it."""
SOON = timedelta(seconds=5)
"""When a message comes due again that waits for what comes of another."""
TOLD_EVERY = timedelta(minutes=1)
"""A success is written no more often while all is well."""
NO_ANSWER = "no_answer"
"""Reason of a target whose system cannot be reached."""

Result = Answer | PorteiroError | None
"""What came of a message."""

DESTINATIONS = Base.metadata.tables["destinations"]
_OF_SYSTEM = re.compile(r"no_answer|http_(408|429|5\d\d)|smtp_421")
"""Reasons that speak of the system, not of one message."""
_READ = ("failures", "open_until", "probed_until", "succeeded_at")


def read_along() -> list[ColumnElement[Any]]:
    """Columns of `destinations`, joined to a message by its target, that `Breakers` needs of its row."""
    c = DESTINATIONS.c
    return [c.key.label("destination"), *(c[name].label(f"destination_{name}") for name in _READ)]


def opened_for(openings: int, after: timedelta | None, random: Random) -> timedelta:
    """How long the breaker is open, the `openings`-th time in a row (from 1), not shorter than the system asked for."""
    wait = min(FIRST * (1 << min(openings - 1, 10)), LONGEST) * random.uniform(1 - JITTER, 1 + JITTER)
    return min(max(wait, after or wait), LONGEST)


@dataclass(slots=True)
class _Destination:
    """One destination in a round. `failures` in a row, those of the row included; `failed`: of those, the round's own
    since the last success; `probing`: the probe is this round's to send, `begun`: it is under way; `mended`: a success
    ended failures; `stopped`: nothing
    more is sent this round."""

    key: str
    stored: bool
    failures: int
    open_until: datetime | None
    probed_until: datetime | None
    succeeded_at: datetime | None
    probing: bool = False
    begun: bool = False
    answered: bool = False
    mended: bool = False
    stopped: bool = False
    failed: int = 0
    reason: str | None = None
    after: timedelta | None = None

    def has_news(self, now: datetime) -> bool:
        """Whether there is anything to be written."""
        if self.failed or self.probing:
            return True
        stale = self.succeeded_at is None or self.succeeded_at <= now - TOLD_EVERY
        return self.answered and (stale or self.mended)


class Breakers:
    """The destinations of a round's messages: as they were read, and what the round learns. Threads may share it."""

    def __init__(self, rows: Iterable[AnyRow], configured: Collection[str]) -> None:
        self._lock = Lock()
        self._of: dict[str, _Destination] = {}
        for row in rows:
            if row.target in configured and row.target not in self._of:
                stored = row.destination is not None
                self._of[row.target] = _Destination(
                    row.target, stored, row.destination_failures or 0, row.destination_open_until,
                    row.destination_probed_until, row.destination_succeeded_at,
                )  # fmt: skip

    def take_probes(self, tx: Connection, now: datetime) -> None:
        """Takes the probes that are due, unless another process has them: its row's lock decides. No statement when
        none is."""
        c = DESTINATIONS.c
        due = sorted(one.key for one in self._of.values() if one.open_until is not None and one.open_until <= now)
        if not due:
            return
        free = or_(c.probed_until.is_(None), c.probed_until <= now)
        taking = update(DESTINATIONS).where(any_of(tx, c.key, due), c.open_until <= now, free)
        for key in tx.execute(taking.values(probed_until=now + PROBE).returning(c.key)).scalars():
            self._of[key].probing = True

    def lets(self, target: str) -> bool:
        """Whether a message to the target may be sent now. True once for a probe."""
        with self._lock:
            one = self._of.get(target)
            if one is None:
                return True
            if one.stopped or (one.open_until is not None and (one.begun or not one.probing)):
                return False
            one.begun = True
            return True

    def learn(self, target: str, result: Result) -> None:
        """What came of a message that was sent. What a target did not send says nothing of its system."""
        with self._lock:
            one = self._of.get(target)
            if one is None:
                return
            if not isinstance(result, PorteiroError) or isinstance(result, Refused):
                one.mended = one.mended or one.failures > 0
                one.answered, one.open_until, one.after = True, None, None
                one.failures = one.failed = 0
            elif isinstance(result, Retry) and _OF_SYSTEM.fullmatch(result.reason):
                one.failures, one.failed, one.reason = one.failures + 1, one.failed + 1, result.reason
                one.after = max(filter(None, (one.after, result.after)), default=None)
                one.stopped = one.stopped or result.reason == NO_ANSWER or one.failures >= FAILURES

    def has_news(self, now: datetime) -> bool:
        """Whether `write` has anything to write: failures, their end, or now and then that all is well."""
        return any(one.has_news(now) for one in self._of.values())

    def write(self, tx: Connection, now: datetime, random: Random) -> None:
        """Adds what the round learned to the rows, in three statements whatever the number of destinations."""
        news = {key: one for key, one in sorted(self._of.items()) if one.has_news(now)}
        add_new(tx, DESTINATIONS, [{"key": key} for key, one in news.items() if not one.stored], ("key",))
        c = DESTINATIONS.c
        rows = tx.execute(select(*c).where(any_of(tx, c.key, news)).order_by(c.key).with_for_update()).all()
        update_rows(tx, DESTINATIONS, ("key",), [_written(row, news[row.key], now, random) for row in rows])

    def due(self, target: str, now: datetime) -> datetime:
        """When a message comes due again that was not tried."""
        one = self._of.get(target)
        if one is None:
            return now
        if one.open_until is not None and one.open_until > now:
            return one.open_until
        waits = one.stopped or (one.open_until is not None and not one.probing)
        return now + SOON if waits else now


def _written(row: AnyRow, one: _Destination, now: datetime, random: Random) -> dict[str, Any]:
    """The row as it becomes; how long it is open is noted in `one` too."""
    values = dict(row._mapping)
    if one.answered:
        values |= {
            "failures": 0, "openings": 0, "opened_at": None, "open_until": None, "probed_until": None,
            "succeeded_at": now,
        }  # fmt: skip
    if one.failed:
        values |= {"failures": values["failures"] + one.failed, "reason": one.reason, "failed_at": now}
    in_vain = one.probing and one.failed and not one.answered
    if in_vain or (values["open_until"] is None and values["failures"] >= FAILURES):
        values["openings"] += 1
        values["opened_at"] = values["opened_at"] or now
        values["open_until"] = now + opened_for(values["openings"], one.after, random)
    if one.probing:
        values["probed_until"] = None
    one.open_until = values["open_until"]
    return values

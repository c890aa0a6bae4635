"""The upkeep step: chores that come due again and again, as rows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, select, update

from db.bulk import add_new
from db.claim import WorkList, claim
from db.models import Base
from db.session import Database
from opv.channels.alarms import HOUSE, clear_alarm, raise_alarm
from opv.channels.health import TOKEN, keep_alarms
from opv.channels.hours import count_hours
from opv.channels.reconcile import reconcile
from opv.house import House, HouseOf
from opv.retry import next_try
from opv.step import Clock, Progress, fingerprint
from schemas.duration import Duration
from schemas.errors import Bug, PorteiroError
from schemas.source import Entrance, HttpClient

_CHORES = Base.metadata.tables["chores"]

EXPIRES_SOON = timedelta(days=7)
EVERY = {"hours": timedelta(minutes=5), "health": timedelta(minutes=1), "token": timedelta(hours=12)}

log = logging.getLogger("porteiro.upkeep")

Chore = Callable[[House, Entrance | None, datetime | None], None]


class Upkeep:
    """Runs rounds of the upkeep step in one process: one chore a round."""

    name = "upkeep"
    work_list = WorkList(_CHORES, "key", batch=1, lease=timedelta(minutes=15), max_attempts=3)

    def __init__(self, database: Database, house_of: HouseOf, clock: Clock, http: HttpClient) -> None:
        self._database = database
        self._house_of = house_of
        self._clock = clock
        self._http = http
        self._planned = 0
        self._random = Random()  # noqa: S311 - jitter, no secret
        self._chores: dict[str, Chore] = {
            "hours": self._count_hours,
            "health": self._look_after_health,
            "reconcile": self._reconcile,
            "token": self._ask_platform,
        }

    def round(self) -> Progress:
        """Does the chore that has been due the longest."""
        return self._round(tried=False)

    def leftover(self) -> Progress:
        """One whose worker died."""
        return self._round(tried=True)

    def _round(self, *, tried: bool) -> Progress:
        progress = Progress()
        now = self._clock()
        with self._database.write() as tx:
            house = self._house_of(tx)
            if self._planned != house.version:
                plan(tx, house, now)
                self._planned = house.version
            taken = claim(tx, self.work_list, now, tried=tried)
            row = tx.execute(select(*_CHORES.c).where(_CHORES.c.key == taken.ids[0])).one() if taken else None
        if row is None:
            return progress
        progress.done, progress.more = 1, True
        kind = row.key.partition(":")[0]
        entrance = house.entrances.get(row.channel)
        error: PorteiroError | None = None
        try:
            self._chores[kind](house, entrance, row.last_at)
        except PorteiroError as failed:
            error = failed
        except Exception as failed:
            log.error("chore %s failed: %s", row.key, fingerprint(failed))  # noqa: TRY400 - see fingerprint
            error = Bug("bug", fingerprint(failed))
        self._end(row.key, every(row.key, house), row.failures, now, error)
        if kind == "reconcile" and error is None:
            progress.woken.add("ingest")
        progress.woken.add("outbound")
        return progress

    def _end(
        self, key: str, again: timedelta | None, failures: int, began: datetime, error: PorteiroError | None
    ) -> None:
        """Plans the next run; one that is not in the configuration any more has none."""
        now = self._clock()
        values: dict[str, Any] = {"lease": None, "attempts": 0, "failures": 0, "reason": None, "last_at": began}
        due = None if again is None else now + again * self._random.uniform(0.95, 1.05)
        if error is not None:
            retried = next_try(failures + 1, now, self._random)
            due = due if retried is None or due is None else min(due, retried)
            values |= {"failures": failures + 1, "reason": error.reason}
            del values["last_at"]
        with self._database.write() as tx:
            tx.execute(update(_CHORES).where(_CHORES.c.key == key).values(due_at=due, **values))

    def _count_hours(self, house: House, entrance: Entrance | None, last_at: datetime | None) -> None:
        with self._database.write() as tx:
            count_hours(tx, self._clock(), last_at)

    def _look_after_health(self, house: House, entrance: Entrance | None, last_at: datetime | None) -> None:
        with self._database.write() as tx:
            keep_alarms(tx, house, self._clock())

    def _reconcile(self, house: House, entrance: Entrance | None, last_at: datetime | None) -> None:
        if entrance is None or entrance.retired:
            return
        window = _channel(house, entrance.key)[1]
        since = min(self._clock() - window, last_at or self._clock())
        for _ in reconcile(self._database, house, entrance, self._http, self._clock, since):
            pass

    def _ask_platform(self, house: House, entrance: Entrance | None, last_at: datetime | None) -> None:
        """Asks what the platform says of the channel; a token that ends soon is an alarm before leads are lost."""
        if entrance is None or entrance.retired:
            return
        now = self._clock()
        answers = entrance.source.check(entrance, self._http)
        troubles = [one.detail for one in answers if not one.ok]
        troubles += [
            f"{one.detail} (until {one.until:%Y-%m-%d %H:%M} UTC)"
            for one in answers
            if one.ok and one.until is not None and one.until - now < EXPIRES_SOON
        ]
        with self._database.write() as tx:
            kind = f"{TOKEN}_check"
            if troubles:
                raise_alarm(tx, kind, entrance.id, f"{entrance.key}: {'; '.join(troubles)}", house, now)
            else:
                clear_alarm(tx, kind, entrance.id, now)


def plan(tx: Connection, house: House, now: datetime) -> None:
    """Makes the chores that the configuration asks for; those that are there keep their time."""
    keys = [("hours", HOUSE), ("health", HOUSE)]
    for entrance in house.entrances.values():
        if entrance.retired:
            continue
        if entrance.source.reads_back:
            keys.append((f"reconcile:{entrance.key}", entrance.id))
        keys.append((f"token:{entrance.key}", entrance.id))
    rows = [{"key": key, "channel": channel, "due_at": now, "lease": None} for key, channel in sorted(keys)]
    add_new(tx, _CHORES, rows, ("key",))
    again = (_CHORES.c.due_at.is_(None), _CHORES.c.key.in_([key for key, _ in keys]))
    tx.execute(update(_CHORES).where(*again).values(due_at=now))


def every(key: str, house: House) -> timedelta | None:
    """How often a chore is done; None when the configuration does not ask for it (any more)."""
    kind, _, channel = key.partition(":")
    if not channel:
        return EVERY[kind]
    entrance = house.entrance_by_key.get(channel)
    if entrance is None or entrance.retired:
        return None
    return _channel(house, channel)[0] if kind == "reconcile" else EVERY[kind]


def _channel(house: House, key: str) -> tuple[timedelta, timedelta]:
    """How often the channel is reconciled, and how far back."""
    channel = next(one for one in house.configuration.channels if one.key == key)
    return Duration.parse(channel.reconcile.every).span, Duration.parse(channel.reconcile.window).span

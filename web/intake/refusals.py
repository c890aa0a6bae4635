"""Counts of refused requests: kept in memory, written by a thread about once a second, never by a request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from db.queries.intake import Refused, add_refusals
from db.session import Database

log = logging.getLogger("porteiro.intake")


class RefusalCounter:
    """`count` costs a dictionary access. What cannot be written is kept for the next time."""

    def __init__(self, database: Database, clock: Callable[[], datetime], *, every: float = 1.0) -> None:
        self._database = database
        self._clock = clock
        self._every = every
        self._lock = threading.Lock()
        self._counts: dict[tuple[int, str], Refused] = {}
        self._stopping = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="refusals", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Writes what is counted and ends the thread."""
        self._stopping.set()
        self._thread.join(timeout)

    def count(self, channel: int, reason: str) -> None:
        """Counts one refused request, now."""
        self._add(Refused(channel, reason, 1, self._clock()))

    def _add(self, refused: Refused) -> None:
        key = (refused.channel, refused.reason)
        with self._lock:
            known = self._counts.get(key)
            if known is not None:
                last_at = max(known.last_at, refused.last_at)
                refused = refused._replace(times=known.times + refused.times, last_at=last_at)
            self._counts[key] = refused

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            self._write()
        self._write()

    def _write(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            with self._database.write() as tx:
                add_refusals(tx, list(counts.values()))
        except (SQLAlchemyError, OSError) as error:
            if not self._failing:
                log.warning("refusals are counted but not written (%s)", type(error).__name__)
            self._failing = True
            for refused in counts.values():
                self._add(refused)
        else:
            self._failing = False

"""Beat's scheduler: every entry is a wake-up, sent as the web process sends its own.

Celery's sends over a connection that it never asks anything: once the other end is gone, into nothing for ever.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

from workers.app import publisher, step_of

log = logging.getLogger("porteiro.beat")


class Wakes(Scheduler):
    """Keeps no file: an entry only says "look now"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wake = publisher(self.app)

    @property
    def producer(self) -> None:  # type: ignore[override] # none of Celery's own is opened
        """Unused."""

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> None:
        """Sends the entry's wake-up. A message broker that is away is no error: the next one follows soon."""
        if advance:
            self.reserve(entry)
        try:
            self._wake(step_of(str(entry.task)))
        except Exception as error:
            log.warning("message broker does not take wake-ups (%s)", type(error).__name__)

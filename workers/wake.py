"""Waking a step: an empty message on the step's queue. Lost ones cost seconds, doubled ones find nothing.

`Waker` runs in the web process: no request publishes. Wake-ups are coalesced with a trailing edge, and besides
every step is woken every few seconds, so that beat is punctuality and not life support.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

STEPS = ("ingest", "fetch", "distribution", "automation", "outbound", "upkeep")

LONGEST_GAP = 0.08
"""Seconds between two wake-ups of a busy intake."""

Publish = Callable[[str], None]
"""Sends one wake-up to a step; raises when the message broker does not answer."""

log = logging.getLogger("porteiro.wake")


class Waker:
    """A thread that sends wake-ups. `wake` never blocks and never raises, whatever the broker does."""

    def __init__(self, publish: Publish, *, gap: float = 0.01, every: float = 5.0) -> None:
        self._publish = publish
        self._gap = gap
        self._calls = 0
        self._every = every
        self._wanted: set[str] = set()
        self._signal = threading.Event()
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Sends what is wanted and ends the thread."""
        self._stopping = True
        self._signal.set()
        self._thread.join(timeout)

    def wake(self, step: str) -> None:
        """Wants the step woken, soon; many calls before that make one message."""
        self._calls += 1
        self._wanted.add(step)
        self._signal.set()

    def _run(self) -> None:
        next_round = time.monotonic()
        gap = self._gap
        while not self._stopping:
            if self._signal.wait(max(0.0, next_round - time.monotonic())):
                self._signal.clear()
            if time.monotonic() >= next_round:
                next_round = time.monotonic() + self._every
                self._wanted.update(STEPS)
            self._send()
            # The trailing edge: what is committed during the gap is covered by the next message, not by this one.
            # Under load it grows: workers that are busy anyway need not be told a hundred times a second.
            self._calls = 0
            time.sleep(gap)
            gap = min(2 * gap, LONGEST_GAP) if self._calls > 1 else self._gap
        self._send()

    def _send(self) -> None:
        while self._wanted:
            step = self._wanted.pop()
            try:
                self._publish(step)
            except Exception as error:
                if not self._failing:
                    log.warning(
                        "message broker does not take wake-ups (%s); work is found by the sweep",
                        type(error).__name__,
                    )
                self._failing = True
                self._wanted.clear()
                return
            if self._failing:
                log.info("message broker takes wake-ups again")
                self._failing = False

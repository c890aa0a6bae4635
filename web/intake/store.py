"""Group commit: requests that come together share one INSERT and one commit, each answered after it.

One flusher coroutine a process takes whatever is queued; while it writes, the next requests gather. It never
waits when idle. A request is answered 503 (`Unavailable`) when the queue is full, when its flush fails, and when
a flush takes over `flush_seconds`; a row may then have been stored all the same, and the sender's next try is a
repeat. A flusher that dies ends the process: a web process that takes requests and stores none is worse.
"""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from db.queries.intake import NewDelivery

FLUSH_ROWS = 256
FLUSH_BYTES = 4 * 1024 * 1024
QUEUED_ROWS = 2048
QUEUED_BYTES = 64 * 1024 * 1024
"""2,048 bodies of 1 MiB would not fit into memory."""
EXIT_DEAD_FLUSHER = 70

log = logging.getLogger("porteiro.intake")


class Unavailable(Exception):
    """The delivery could not be stored now; `why` is for the log, without any personal data."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Store(Protocol):
    """Where intake puts deliveries."""

    async def store(self, row: NewDelivery) -> None:
        """Returns after the commit. Raises `Unavailable`."""


class Writer(Protocol):
    """Writes the rows of one flush in one transaction."""

    async def write(self, rows: Sequence[NewDelivery]) -> None:
        """Returns after the commit; raises `Unavailable` when the database does not take the rows. May be
        cancelled while a later call is under way already."""

    async def close(self) -> None:
        """Gives up what it holds."""


class _Waiting(NamedTuple):
    row: NewDelivery
    size: int
    stored: asyncio.Future[None]


def end_process() -> None:
    """Ends the process at once, without clean-up that could hang: its supervisor starts a new one."""
    logging.shutdown()
    os._exit(EXIT_DEAD_FLUSHER)


class GroupCommit:
    """The queue and its flusher. `committed` is called after each commit (it wakes the next step)."""

    def __init__(
        self,
        writer: Writer,
        committed: Callable[[], None],
        *,
        on_death: Callable[[], None] = end_process,
        flush_seconds: float = 3.0,
    ) -> None:
        self._writer = writer
        self._committed = committed
        self._on_death = on_death
        self._flush_seconds = flush_seconds
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self._arrived = asyncio.Event()
        self._open = False
        self._failing = False
        self._flusher: asyncio.Task[None] | None = None
        self._overdue: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Starts the flusher; the database need not be there yet."""
        self._open = True
        self._flusher = asyncio.create_task(self._run(), name="intake-flusher")
        self._flusher.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Takes no more, stores what is queued, and closes the writer."""
        self._open = False
        self._arrived.set()
        if self._flusher is not None:
            await asyncio.wait({self._flusher})
        for write in self._overdue:
            write.cancel()
        await self._writer.close()

    async def store(self, row: NewDelivery) -> None:
        """Returns after the row's commit. Raises `Unavailable`."""
        size = row.size
        if not self._open:
            raise Unavailable("stopping")
        if len(self._queue) >= QUEUED_ROWS or self._queued_bytes + size > QUEUED_BYTES:
            raise Unavailable("the queue is full")
        stored = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(row, size, stored))
        self._queued_bytes += size
        self._arrived.set()
        await stored

    async def _run(self) -> None:
        while self._open or self._queue:
            if not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
            await asyncio.sleep(0)  # one turn of the loop: whoever is ready comes along (batches twice as large)
            if batch := self._take():
                await self._flush(batch)

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < FLUSH_ROWS:
            size += self._queue[0].size
            if batch and size > FLUSH_BYTES:
                break
            batch.append(self._queue.popleft())
            self._queued_bytes -= batch[-1].size
        return batch

    async def _flush(self, batch: list[_Waiting]) -> None:
        write = asyncio.create_task(self._writer.write([waiting.row for waiting in batch]))
        try:
            await asyncio.wait((write,), timeout=self._flush_seconds)
            if not write.done():
                self._give_up(write, batch)
                return
            write.result()
        except Unavailable as error:
            self._refuse(batch, error.why)
            self._refuse_queued("no answer before")
            return
        except BaseException:
            self._refuse(batch, "the flusher died")
            raise
        self._committed()
        for waiting in batch:
            if not waiting.stored.done():
                waiting.stored.set_result(None)
        if self._failing:
            self._failing = False
            log.info("storage takes deliveries again")

    def _give_up(self, write: asyncio.Task[None], batch: list[_Waiting]) -> None:
        """The database is silent: cancelling takes its time too, so everybody is answered first. Who queued
        behind this flush has waited on the same database, and would wait as long again."""
        self._refuse(batch, f"no answer in {self._flush_seconds:g} s")
        self._refuse_queued("no answer before")
        self._overdue.add(write)
        write.add_done_callback(self._forget)
        write.cancel()

    def _forget(self, write: asyncio.Task[None]) -> None:
        self._overdue.discard(write)
        if not write.cancelled():
            write.exception()

    def _refuse(self, batch: Sequence[_Waiting], why: str) -> None:
        for waiting in batch:
            if not waiting.stored.done():
                waiting.stored.set_exception(Unavailable(why))
        if not self._failing:
            self._failing = True
            log.error("storage does not take deliveries (%s): senders are answered 503", why)

    def _refuse_queued(self, why: str) -> None:
        self._refuse(self._queue, why)
        self._queue.clear()
        self._queued_bytes = 0

    def _ended(self, flusher: asyncio.Task[None]) -> None:
        if not flusher.cancelled() and flusher.exception() is None:
            return
        self._open = False
        self._refuse_queued("the flusher died")
        error = None if flusher.cancelled() else flusher.exception()
        if error is None:  # cancelled: the event loop is being torn down
            return
        # The frames and the kind of error alone: its message may quote what a sender wrote.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.critical("the intake flusher died of %s\n%s", type(error).__name__, frames)
        self._on_death()

"""Group commit: what shares a flush, and what happens when the writer fails, hangs or breaks."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest

from db.ids import new_id
from db.queries.intake import NewDelivery
from web.intake.store import EXIT_DEAD_FLUSHER, FLUSH_BYTES, FLUSH_ROWS, QUEUED_ROWS, GroupCommit, Unavailable


class Writer:
    """Writes into lists, when the test lets it."""

    def __init__(self) -> None:
        self.flushes: list[list[NewDelivery]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.closed = False

    async def write(self, rows: Sequence[NewDelivery]) -> None:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.flushes.append(list(rows))

    async def close(self) -> None:
        self.closed = True


def _row(body: bytes = b"") -> NewDelivery:
    return NewDelivery(new_id(), 1, datetime.now(UTC), 0, b"", b"", b"", body)


def _run(
    test: Callable[[GroupCommit, Writer], Awaitable[None]], flush_seconds: float = 3.0
) -> tuple[Writer, list[str]]:
    """Runs a test on a store, then stops the store. Gives the writer and what the store called."""
    calls: list[str] = []

    async def run() -> Writer:
        writer = Writer()
        store = GroupCommit(writer, lambda: calls.append("committed"), on_death=lambda: calls.append("died"),
                            flush_seconds=flush_seconds)  # fmt: skip
        await store.start()
        await test(store, writer)
        await store.stop()
        return writer

    return asyncio.run(run()), calls


async def _outcomes(store: GroupCommit, rows: Sequence[NewDelivery]) -> list[str | None]:
    """Why each row was not stored; None for one that was."""

    async def outcome(row: NewDelivery) -> str | None:
        try:
            await store.store(row)
        except Unavailable as error:
            return error.why
        return None

    return await asyncio.gather(*map(outcome, rows))


def test_a_flush_has_a_bound_in_rows_and_in_bytes() -> None:
    async def test(store: GroupCommit, _writer: Writer) -> None:
        assert set(await _outcomes(store, [_row() for _ in range(FLUSH_ROWS + 1)])) == {None}
        assert set(await _outcomes(store, [_row(b"x" * (FLUSH_BYTES // 4 + 1)) for _ in range(5)])) == {None}
        assert await _outcomes(store, [_row(b"x" * FLUSH_BYTES), _row(b"x")]) == [None, None]

    writer, calls = _run(test)
    assert [len(flush) for flush in writer.flushes] == [FLUSH_ROWS, 1, 3, 2, 1, 1]
    assert calls == ["committed"] * 6


def test_a_full_queue_refuses_at_once_and_stopping_stores_what_is_queued() -> None:
    async def test(store: GroupCommit, writer: Writer) -> None:
        writer.gate.clear()
        first = asyncio.create_task(store.store(_row()))
        await asyncio.sleep(0.01)
        queued = [asyncio.create_task(store.store(_row())) for _ in range(QUEUED_ROWS)]
        await asyncio.sleep(0.01)
        with pytest.raises(Unavailable, match="full"):
            await store.store(_row())
        stopping = asyncio.create_task(store.stop())
        await asyncio.sleep(0.01)
        with pytest.raises(Unavailable, match="stopping"):
            await store.store(_row())
        writer.gate.set()
        await asyncio.gather(first, stopping, *queued)

    writer, _ = _run(test)
    assert sum(map(len, writer.flushes)) == QUEUED_ROWS + 1
    assert writer.closed


def test_a_writer_that_fails_or_hangs_costs_its_flush_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def test(store: GroupCommit, writer: Writer) -> None:
        writer.error = Unavailable("no disk")
        assert await _outcomes(store, [_row(), _row()]) == ["no disk"] * 2
        writer.error = None
        writer.gate.clear()
        hung = asyncio.create_task(_outcomes(store, [_row()]))
        await asyncio.sleep(0.02)
        assert await _outcomes(store, [_row()]) == ["no answer before"]
        assert await hung == ["no answer in 0.1 s"]
        writer.gate.set()
        assert await _outcomes(store, [_row()]) == [None]

    caplog.set_level(logging.INFO)
    writer, calls = _run(test, flush_seconds=0.1)
    assert [len(flush) for flush in writer.flushes] == [1]
    assert calls == ["committed"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_a_dead_flusher_is_reported_and_refuses(caplog: pytest.LogCaptureFixture) -> None:
    async def test(store: GroupCommit, writer: Writer) -> None:
        writer.error = ValueError("Maria Exemplo")
        assert await _outcomes(store, [_row()]) == ["the flusher died"]
        await asyncio.sleep(0)
        assert await _outcomes(store, [_row()]) == ["stopping"]

    _, calls = _run(test)
    assert calls == ["died"]
    assert "died of ValueError" in caplog.text
    assert "Maria" not in caplog.text


def test_a_dead_flusher_ends_the_process() -> None:
    program = """
import asyncio
from tests.web.intake.test_store import GroupCommit, Writer, _row

async def main():
    writer = Writer()
    writer.error = ValueError()
    store = GroupCommit(writer, print)
    await store.start()
    try:
        await store.store(_row())
    finally:
        await asyncio.sleep(60)

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, "died of ValueError" in ended.stderr) == (EXIT_DEAD_FLUSHER, True)

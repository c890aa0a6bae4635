"""An import in two passes: the survey judges every line and stores nothing, then its new lines are stored.

What the survey found is what is stored, whatever becomes of the file meanwhile: new and rejected lines wait in
temporary files without a name. Each chunk is one transaction, and a line's key does not change, so an import that
was stopped anywhere is simply run again.
"""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from db.ids import new_id
from db.models import Outcome
from db.queries.importing import (
    KnownKey,
    NewLine,
    import_headers,
    insert_lines,
    known_keys,
    outcomes,
    release_keys,
    waiting_marks,
)
from db.session import Database
from opv.submission_keys import namespace_of
from opv.submissions import other_person
from opv.tombstones import tombstone
from porteiro.importing.lines import REASONS, Line, LineReader, Verdict, mark_of
from porteiro.importing.mapping import REASON_COLUMN, Column
from porteiro.importing.reading import Row, Table, guarded
from schemas.source import Entrance

CHUNK = 500
"""Lines of a transaction."""
PACE = timedelta(seconds=1)
"""A chunk's work is due so long after the one before it: leads that come in meanwhile are not kept waiting."""
EXAMPLES = 5

T = TypeVar("T")
Seen = Callable[[int], object]
"""Told how many more lines are done."""


@dataclass
class Survey:
    """What a file would bring: counts, reasons of rejected lines, and the first of these (row number, reason)."""

    new: IO[str]
    rejected: IO[str]
    counts: Counter[Verdict] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str]] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """All lines."""
        return self.counts.total()


@contextmanager
def survey(
    database: Database, entrance: Entrance, table: Table, columns: Sequence[Column], seen: Seen = lambda _: None
) -> Iterator[Survey]:
    """Judges every line. Raises `Reject` when the file is broken."""
    reader = LineReader(entrance, columns, table.path.name, table.rows_of_file.separator)
    with database.read() as tx:
        judge = _Judge(reader, waiting_marks(tx, entrance.id))
    namespace = namespace_of(entrance)
    with TemporaryFile("w+", encoding="utf-8") as new, TemporaryFile("w+", encoding="utf-8") as rejected:
        found = Survey(new, rejected)
        for rows in _chunks(table.rows()):
            with database.read() as tx:
                known = _known(tx, namespace, {reader.key(row)[0] for row in rows})
            for row in rows:
                _note(found, row, *judge.judge(row, known))
            seen(len(rows))
        yield found


def _known(tx: Connection, namespace: str, keys: set[str]) -> dict[str, KnownKey]:
    """The submissions that have these keys; those of people who were erased too, without anything about them."""
    graves = {tombstone(key): key for key in keys}
    found = known_keys(tx, namespace, {*keys, *graves})
    buried = {graves[key]: one._replace(person=None) for key, one in found.items() if key in graves}
    return {**found, **buried}


class _Judge:
    """Knows what is stored already, and what came earlier in the file."""

    def __init__(self, reader: LineReader, waiting: set[str]) -> None:
        self._reader = reader
        self._waiting = waiting
        self._before: dict[str, bytes] = {}

    def judge(self, row: Row, known: dict[str, KnownKey]) -> tuple[Verdict, Line | None, UUID | None, str | None]:
        """Verdict, the line if it was read, the parked submission whose key it takes, and why it is rejected."""
        key, own = self._reader.key(row)
        there, before = known.get(key), self._before.get(key)
        if not own and (there or before is not None or mark_of(key) in self._waiting):
            return Verdict.REPEATED, None, None, None  # the same line, word for word
        line = self._reader.read(row)
        if line.test:
            return Verdict.TEST, line, None, None
        if line.reason:
            return Verdict.REJECTED, line, None, line.reason
        if other_person(there.person if there else before, line.person):
            return Verdict.REJECTED, line, None, "conflict"
        if there and there.outcome is Outcome.PENDING:
            return Verdict.FETCHING, line, None, None
        if before is not None or line.mark in self._waiting or (there and there.outcome is not Outcome.PARKED):
            return Verdict.REPEATED, line, None, None
        self._before[key] = line.person if own else b""
        return Verdict.NEW, line, there.id if there else None, None


def store(
    database: Database, entrance: Entrance, survey: Survey, clock: Callable[[], datetime], wake: Seen
) -> Iterator[list[UUID]]:
    """Stores the new lines as deliveries of the channel, a chunk for each ids given. `wake` is told after each."""
    survey.new.seek(0)
    due = clock()
    for number, texts in enumerate(_chunks(survey.new)):
        now = clock()
        lines = [json.loads(text) for text in texts]
        due_at = max(now, due + number * PACE)
        deliveries = [_delivery(line, now, due_at) for line in lines]
        with database.write() as tx:
            release_keys(tx, [UUID(line["takes"]) for line in lines if line["takes"]])
            insert_lines(tx, entrance.id, deliveries)
        wake(len(deliveries))
        yield [delivery.id for delivery in deliveries]


def await_outcomes(
    database: Database, ids: Sequence[UUID], wake: Seen, seen: Seen = lambda _: None, patience: float = 60.0
) -> Counter[Outcome]:
    """What became of stored lines. Ends when none is pending, or nothing has moved for `patience` seconds."""
    done: Counter[Outcome] = Counter()
    still = time.monotonic()
    for chunk in _chunks(ids):
        before = 0
        while True:
            with database.read() as tx:
                now = outcomes(tx, chunk)
            moved = len(chunk) - now[Outcome.PENDING] - before
            before += moved
            seen(moved)
            still = time.monotonic() if moved else still
            if not now[Outcome.PENDING] or time.monotonic() - still > patience:
                break
            wake(now[Outcome.PENDING])
            time.sleep(0.5)
        done += now
    return done


def write_rejected(table: Table, survey: Survey) -> str | None:
    """Writes the rejected lines beside the file, in its encoding and separator, each with the reason; what was there
    from an earlier import is replaced. The file's name, or None when none was rejected."""
    if not survey.counts[Verdict.REJECTED]:
        return None
    path = table.path.with_name(f"{table.path.stem}.rejected.csv")
    survey.rejected.seek(0)
    form = table.rows_of_file
    with path.open("w", encoding=form.encoding, errors="replace", newline="") as file:
        writer = csv.writer(file, delimiter=form.separator)
        writer.writerow([*map(guarded, table.columns), REASON_COLUMN])
        for text in survey.rejected:
            reason, cells = json.loads(text)
            cells += [""] * (len(table.columns) - len(cells))
            writer.writerow([*map(guarded, cells[: len(table.columns)]), REASONS[reason], *cells[len(table.columns) :]])
    return path.name


def _note(found: Survey, row: Row, verdict: Verdict, line: Line | None, takes: UUID | None, reason: str | None) -> None:
    found.counts[verdict] += 1
    if verdict is Verdict.NEW and line:
        new = {"mark": line.mark, "url": line.url, "takes": takes and str(takes), "body": line.body.decode()}
        _write(found.new, new)
    if reason:
        found.reasons[reason] += 1
        _write(found.rejected, [reason, list(row.cells)])
        if len(found.examples) < EXAMPLES:
            found.examples.append((row.number, reason))


def _write(file: IO[str], value: Any) -> None:
    file.write(json.dumps(value) + "\n")


def _delivery(line: dict[str, Any], now: datetime, due_at: datetime) -> NewLine:
    body = line["body"].encode()
    headers = import_headers(line["mark"])
    return NewLine(new_id(), now, due_at, hashlib.sha256(body).digest(), line["url"].encode(), headers, body)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(items)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk

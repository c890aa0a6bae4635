"""The fetch step: pointer submissions, whose lead must be asked of the platform. HTTP happens outside any
transaction; retries live in the row, which shows as `pending`, "not yet fetched", with the last reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, case, literal, select, update

from db.bulk import any_of, update_rows
from db.claim import Claim, WorkList, claim
from db.models import Base, Outcome, SubmissionState
from db.models.base import UtcTime
from db.session import AnyRow, Database
from opv.channels.alarms import TOKEN, Trouble, raise_alarms
from opv.channels.health import TOKEN_REASONS
from opv.house import House, HouseOf
from opv.ingest import park_submission, refresh_outcomes
from opv.retry import next_try
from opv.step import Clock, Progress, fingerprint
from schemas.errors import PorteiroError, Retry
from schemas.source import HttpClient

_SUBMISSIONS = Base.metadata.tables["submissions"]

LONGEST_REST = timedelta(minutes=15)
"""What a platform's `Retry-After` is honoured for at most, by leads that were not refused themselves."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking the platform for one lead: its answer, or why there is none."""

    row: AnyRow
    answer: bytes | None = None
    error: PorteiroError | None = None


class Fetch:
    """Runs rounds of the fetch step in one process."""

    name = "fetch"
    work_list = WorkList(
        _SUBMISSIONS,
        "id",
        batch=16,
        lease=timedelta(seconds=120),
        max_attempts=3,
        ready=_SUBMISSIONS.c.state == SubmissionState.FETCH.value,
    )

    def __init__(self, database: Database, house_of: HouseOf, clock: Clock, http: HttpClient) -> None:
        self._database = database
        self._house_of = house_of
        self._clock = clock
        self._http = http
        self._random = Random()  # noqa: S311 - jitter, no secret

    def round(self) -> Progress:
        """Asks the platforms for a batch of leads, and writes what they said."""
        return self._round(tried=False)

    def leftover(self) -> Progress:
        """The same for one whose worker died."""
        return self._round(tried=True)

    def _round(self, *, tried: bool) -> Progress:
        progress = Progress()
        with self._database.write() as tx:
            taken = claim(tx, self.work_list, self._clock(), tried=tried)
            house = self._house_of(tx)
            rows = _rows(tx, taken.ids) if taken else []
        if taken is None:
            return progress
        progress.done, progress.more = len(rows), taken.tried or len(rows) >= self.work_list.batch
        if taken.exhausted:
            with self._database.write() as tx:
                park_submission(tx, taken.ids[0], "worker_killed", "its worker died at each try", self._clock())
            return progress
        with ThreadPoolExecutor(max_workers=8) as threads:
            asked = list(threads.map(lambda row: self._ask(row, house), rows))
        with self._database.write() as tx:
            progress.woken |= self._write(tx, taken, asked, house, self._clock())
        return progress

    def _ask(self, row: AnyRow, house: House) -> Asked:
        entrance = house.entrances.get(row.channel)
        if entrance is None:
            return Asked(row, error=Retry("unknown_channel", "the channel's source is not installed"))
        try:
            return Asked(row, entrance.source.fetch(json.loads(row.pointer), entrance, self._http))
        except PorteiroError as error:
            return Asked(row, error=error)
        except Exception as error:
            return Asked(row, error=Retry("bug", f"the source's fetch failed: {fingerprint(error)}"))

    def _write(self, tx: Connection, taken: Claim, asked: Sequence[Asked], house: House, now: datetime) -> set[str]:
        """Writes the rows that still hold the lease; the steps that find new work."""
        c = _SUBMISSIONS.c
        held = set(
            tx.execute(
                select(c.id).where(any_of(tx, c.id, taken.ids), c.lease == taken.token).order_by(c.id).with_for_update()
            ).scalars()
        )
        ours = [one for one in asked if one.row.id in held]
        rows = [self._outcome(one, now) for one in ours]
        update_rows(tx, _SUBMISSIONS, ("id",), rows)
        ended = [one.row.delivery_id for one, row in zip(ours, rows, strict=True) if row["due_at"] is None]
        refresh_outcomes(tx, ended)
        _postpone(tx, ours, now)
        told = raise_alarms(tx, _token_troubles(ours, house), house, now, renew=False)
        ready = any(row["state"] == SubmissionState.INGEST.value for row in rows)
        return ({"ingest"} if ready else set()) | ({"outbound"} if told else set())

    def _outcome(self, one: Asked, now: datetime) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": one.row.id, "state": SubmissionState.INGEST.value, "outcome": Outcome.PENDING.value,
            "reason": None, "detail": None, "fetched": one.answer, "failures": one.row.failures, "attempts": 0,
            "lease": None, "due_at": now, "done_at": None,
        }  # fmt: skip
        error = one.error
        if error is None:
            return row
        row |= {"reason": error.reason, "detail": error.detail, "failures": one.row.failures + 1}
        due = None
        if isinstance(error, Retry):
            due = next_try(row["failures"], now, self._random, error.after)
        if due is None:
            ended = {"state": SubmissionState.DONE.value, "outcome": Outcome.PARKED.value, "done_at": now}
            return row | ended | {"due_at": None}
        return row | {"state": SubmissionState.FETCH.value, "due_at": due}


def _rows(tx: Connection, ids: Sequence[UUID]) -> Sequence[AnyRow]:
    c = _SUBMISSIONS.c
    columns = (c.id, c.delivery_id, c.channel, c.pointer, c.failures)
    return tx.execute(select(*columns).where(any_of(tx, c.id, ids)).order_by(c.id)).all()


def _postpone(tx: Connection, asked: Sequence[Asked], now: datetime) -> None:
    """When a platform says how long it wants to be left alone, the channel's other leads that would be asked for before
    wait as well: those that failed are tried by their own schedule and find out whether it is over."""
    until: dict[int, datetime] = {}
    for one in asked:
        if isinstance(one.error, Retry) and one.error.reason == "rate_limited" and one.error.after is not None:
            channel = one.row.channel
            until[channel] = max(now + min(one.error.after, LONGEST_REST), until.get(channel, now))
    if not until:
        return
    c = _SUBMISSIONS.c
    rested = case({channel: literal(at, UtcTime()) for channel, at in until.items()}, value=c.channel)
    failed = any_of(tx, c.id, [one.row.id for one in asked])
    others = (
        select(c.id)
        .where(c.state == SubmissionState.FETCH.value, c.due_at <= max(until.values()), any_of(tx, c.channel, until))
        .where(c.lease.is_(None), ~failed)
        .with_for_update(skip_locked=True)
    )
    tx.execute(update(_SUBMISSIONS).where(c.id.in_(others), c.due_at < rested).values(due_at=rested))


def _token_troubles(asked: Sequence[Asked], house: House) -> list[Trouble]:
    """Channels whose token was refused: told at once, since each minute costs leads."""
    refused = {one.row.channel: one.error.reason for one in asked if one.error and one.error.reason in TOKEN_REASONS}
    return [
        Trouble(TOKEN, channel, f"leads of {house.entrances[channel].key} cannot be fetched ({reason})")
        for channel, reason in refused.items()
    ]

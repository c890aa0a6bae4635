"""The outbound step: messages to people and systems, at least once, always with the same idempotency key.

Sending happens outside any transaction; retries live in the row."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.bulk import any_of, update_rows
from db.claim import WorkList, claim
from db.models import Base
from db.queries.forwarding import KIND as FORWARD
from db.session import AnyRow, Database, commit_to_disk
from opv.automation.letters import POST, client_message_to_send, post_to_send
from opv.batch import OPVS, opvs_by_id
from opv.destinations import DESTINATIONS, NO_ANSWER, Breakers, Result, read_along
from opv.forward import request_to_send
from opv.house import House, HouseOf
from opv.notices import notice_to_send
from opv.retry import next_try
from opv.sales.answers import Ended, settle
from opv.sales.asking import KIND as SALE
from opv.sales.request import message_to_send
from opv.stage_feedback import news_to_send
from opv.step import Clock, Progress, fingerprint
from schemas.client_message import KIND as CLIENT_MESSAGE
from schemas.errors import NotYet, Park, PorteiroError, Retry
from schemas.notice import KIND as NOTICE
from schemas.stage_news import KIND as STAGE
from schemas.target import Answer, Message, Target

ROUND_SECONDS = 10.0
"""No message is begun after so long: what waits behind a slow system is left to the next round."""
THREADS = 8

_MESSAGES = Base.metadata.tables["outbound_messages"]


class Send:
    """Runs rounds of the outbound step in one process."""

    name = "outbound"
    work_list = WorkList(_MESSAGES, "id", batch=500, lease=timedelta(seconds=120), max_attempts=3)

    def __init__(self, database: Database, house_of: HouseOf, targets: Mapping[str, Target], clock: Clock) -> None:
        self._database = database
        self._house_of = house_of
        self._targets = targets
        self._clock = clock
        self._random = Random()  # noqa: S311 - jitter, no secret

    def round(self) -> Progress:
        """Sends a batch of messages, and writes what came of each."""
        return self._round(tried=False)

    def leftover(self) -> Progress:
        """The same for one whose worker died."""
        return self._round(tried=True)

    def _round(self, *, tried: bool) -> Progress:
        progress = Progress()
        with self._database.write() as tx:
            commit_to_disk(tx)
            taken = claim(tx, self.work_list, self._clock(), tried=tried)
            if taken is None:
                return progress
            rows, house = _rows(tx, taken.ids), self._house_of(tx)
            breakers = Breakers(rows, house.targets)
            if not taken.exhausted:
                breakers.take_probes(tx, self._clock())
        progress.done, progress.more = len(rows), taken.tried or len(rows) >= self.work_list.batch
        if taken.exhausted:
            killed = Park("worker_killed", "its worker died at each try")
            results: list[tuple[AnyRow, Result]] = [(row, killed) for row in rows]
        else:
            results = self._send_all(rows, house, breakers)
            progress.more = progress.more or len(results) < len(rows)
        self._write_breakers(breakers)
        ended = {row.id for row, _ in results}
        put_off = [row for row in rows if row.id not in ended]
        sales = [one for one in results if one[0].kind == SALE]
        others = [one for one in results if one[0].kind != SALE]
        if others or put_off:
            progress.woken |= self._write(taken.token, others, self._put_off(put_off, breakers), house)
        if sales:  # apart: what goes wrong with an OPV shall not send everything else anew
            progress.woken |= self._write(taken.token, sales, [], house)
        return progress

    def _write_breakers(self, breakers: Breakers) -> None:
        if breakers.has_news(self._clock()):
            with self._database.write() as tx:
                breakers.write(tx, self._clock(), self._random)

    def _put_off(self, rows: Sequence[AnyRow], breakers: Breakers) -> list[dict[str, Any]]:
        """Messages that were not tried: the claim is no try of theirs."""
        now = self._clock()
        return [
            {"id": row.id, "due_at": breakers.due(row.target, now), "lease": None, "attempts": row.attempts - 1}
            for row in rows
        ]

    def _write(
        self,
        token: UUID,
        results: Sequence[tuple[AnyRow, Result]],
        put_off: Sequence[dict[str, Any]],
        house: House,
    ) -> set[str]:
        """Writes what came of messages that are still ours; gives the steps to wake."""
        opvs = {row.opportunity_id for row, _ in results if row.kind == SALE}
        with self._database.write() as tx:
            locked = opvs_by_id(OPVS.rows(tx, ids=opvs)) if opvs else {}  # before the messages, as people do
            c = _MESSAGES.c
            ids = [*(one["id"] for one in put_off), *(row.id for row, _ in results)]
            where = (any_of(tx, c.id, ids), c.lease == token)
            held = set(tx.execute(select(c.id).where(*where).order_by(c.id).with_for_update()).scalars())
            now = self._clock()
            outcomes = [(row, result, self._outcome(row, result, now)) for row, result in results if row.id in held]
            update_rows(tx, _MESSAGES, ("id",), [changes for _, _, changes in outcomes])
            update_rows(tx, _MESSAGES, ("id",), [one for one in put_off if one["id"] in held])
            ended = [
                Ended(row, result)
                for row, result, changes in outcomes
                if row.kind == SALE and result is not None and changes["state"] != "pending"
            ]
            return settle(tx, house, now, locked, ended)

    def _send_all(self, rows: Sequence[AnyRow], house: House, breakers: Breakers) -> list[tuple[AnyRow, Result]]:
        """What came of each message that there was time for and whose destination is not left alone. Who did not answer
        once is not asked again this round."""
        until = time.monotonic() + min(ROUND_SECONDS, self.work_list.lease.total_seconds() / 4)
        silent: dict[tuple[str, str], Retry] = {}

        def send(row: AnyRow) -> tuple[AnyRow, Result] | None:
            if time.monotonic() > until or not breakers.lets(row.target):
                return None
            place = (row.target, row.recipient)
            result = silent.get(place) or self._send(row, house, breakers)
            if isinstance(result, Retry) and result.reason == NO_ANSWER and row.target not in house.targets:
                silent[place] = result
            return row, result

        if not any(row.kind == FORWARD or row.target in house.targets for row in rows):
            return [one for one in map(send, rows) if one is not None]
        with ThreadPoolExecutor(max_workers=THREADS) as threads:
            return [one for one in threads.map(send, rows) if one is not None]

    def _send(self, row: AnyRow, house: House, breakers: Breakers) -> Result:
        result: Result
        try:
            message, target = self._prepared(row, house)
            if isinstance(message, Answer):
                return message
            result = target.send(message)
        except PorteiroError as error:
            result = error
        except Exception as error:
            result = Retry("bug", f"the target failed: {fingerprint(error)}")
        breakers.learn(row.target, result)
        return result

    def _prepared(self, row: AnyRow, house: House) -> tuple[Message | Answer, Target]:
        """The message as it goes out, or what there is to know without sending it, and where it goes."""
        configured = house.targets.get(row.target)
        target = self._targets.get(configured.slug if configured else row.target)
        if target is None:
            raise Park("unknown_target", f"there is no target {row.target}")
        message = Message(row.idempotency_key, row.kind, row.recipient, row.body)
        if configured is not None:
            if configured.options is None:
                raise Retry("not_configured", f"the options of target {row.target} are not whole: see the log")
            tried = row.failures > 0 or row.attempts > 1
            message = replace(message, options=configured.options, tried=tried)
        if row.kind == NOTICE and configured is None:
            return message, target
        if row.kind in (FORWARD, SALE, STAGE, NOTICE, CLIENT_MESSAGE, POST):
            with self._database.read() as tx:
                self._still_ours(tx, row)
                return self._written(tx, message, row, house, target.slug), target
        return message, target

    def _written(self, tx: Connection, message: Message, row: AnyRow, house: House, slug: str) -> Message | Answer:
        """The message with what the row does not keep, read now."""
        if row.kind == SALE:
            return message_to_send(tx, message, house)
        if row.kind == FORWARD:
            return replace(message, request=request_to_send(tx, row.id, house))
        if row.kind == STAGE:
            return news_to_send(tx, message, row.target, row.opportunity_id, house)
        if row.kind == POST:
            return post_to_send(tx, message, slug, row.opportunity_id, house)
        now = self._clock()
        if row.kind == NOTICE:
            return notice_to_send(tx, message, row.opportunity_id, house, now)
        return client_message_to_send(tx, message, slug, row.opportunity_id, house, now)

    def _still_ours(self, tx: Connection, row: AnyRow) -> None:
        """A worker that slept past its lease does not send: another one does. Raises `Retry`."""
        if tx.execute(select(_MESSAGES.c.lease).where(_MESSAGES.c.id == row.id)).scalar() != row.lease:
            raise Retry("lease_lost", "another worker sends the message")

    def _outcome(self, row: AnyRow, result: Result, now: datetime) -> dict[str, Any]:
        changes: dict[str, Any] = {
            "id": row.id, "state": "sent", "reason": None, "sent_at": now, "due_at": None, "lease": None,
            "attempts": 0, "failures": row.failures,
        }  # fmt: skip
        if not isinstance(result, PorteiroError):
            return changes
        if isinstance(result, NotYet):
            return changes | {"state": "pending", "sent_at": None, "due_at": result.until}
        failures = row.failures + 1
        after = result.after if isinstance(result, Retry) else None
        due = next_try(failures, now, self._random, after) if isinstance(result, Retry) else None
        state = "parked" if due is None else "pending"
        return changes | {
            "state": state, "reason": result.reason, "sent_at": None, "due_at": due, "failures": failures,
        }  # fmt: skip


def _rows(tx: Connection, ids: Sequence[UUID]) -> Sequence[AnyRow]:
    c = _MESSAGES.c
    columns = (
        c.id, c.idempotency_key, c.target, c.kind, c.recipient, c.opportunity_id, c.body, c.failures, c.attempts,
        c.lease, *read_along(),
    )  # fmt: skip
    along = _MESSAGES.outerjoin(DESTINATIONS, DESTINATIONS.c.key == c.target)
    return tx.execute(select(*columns).select_from(along).where(any_of(tx, c.id, ids)).order_by(c.id)).all()

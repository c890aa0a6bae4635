"""What the sales module tells of its processes, delivery by delivery: noted, and the sale won or lost with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select

from db.bulk import any_of, update_rows
from db.models import Base, DistributionWork, Outcome
from db.queries.sales import processes
from db.session import AnyRow
from opv import history
from opv.batch import OPVS, Batch, Cause, Opv, opvs_by_id
from opv.capture import capture
from opv.sales.asking import ALIVE
from opv.sales.sale import Sale, close_as_won
from opv.submissions import Submitted
from opv.triggered import note_triggers
from schemas.source import ProcessStatus

_PROCESSES = Base.metadata.tables["sale_processes"]
_SUBMISSIONS = Base.metadata.tables["submissions"]


def find_processes(tx: Connection, found: Iterable[Submitted]) -> dict[UUID, AnyRow]:
    """The processes that statuses are of, by submission; one statement when there is any. A status of an unknown
    process is parked, to be replayed or sent again; one that the process has already is repeated."""
    statuses = [(one, one.process) for one in found if one.process is not None]
    if not statuses:
        return {}
    references = {id_ for _, status in statuses if (id_ := _uuid(status.reference)) is not None}
    rows = processes(tx, references, {status.process_id for _, status in statuses})
    told: dict[UUID, AnyRow] = {}
    for submission, status in statuses:
        candidates = _candidates(rows, status)
        if len(candidates) != 1:
            reason = "ambiguous_process" if candidates else "unknown_process"
            words = "several OPVs have" if candidates else "no OPV has"
            submission.park(reason, f"{words} a process of this id")
            submission.key = None  # the module may tell it again
            continue
        (told[submission.id],) = candidates
        if not _is_news(told[submission.id], status):
            submission.outcome, submission.detail = Outcome.REPEATED, "the process has this status already"
    return told


def capture_with_statuses(
    tx: Connection,
    batch: Batch,
    taken: Sequence[Submitted],
    told: Mapping[UUID, AnyRow],
    triggered: Mapping[UUID, UUID],
) -> None:
    """Captures leads and notes statuses and triggers of one batch: all their OPVs are locked in the one order. Writes
    everything."""
    news, triggers = [s for s in taken if s.process is not None], [s for s in taken if s.trigger is not None]
    leads = [s for s in taken if s.process is None and s.trigger is None]
    opvs = {told[one.id].opportunity_id for one in news}
    d, ids = DistributionWork.opportunity_id, sorted(opvs)
    tx.execute(select(d).where(any_of(tx, d.expression, ids)).order_by(d).with_for_update())  # first, as distribution
    meant = opvs | {triggered[one.id] for one in triggers}
    changes: list[dict[str, Any]] = []

    def note() -> None:
        changes.extend(_note_all(tx, batch, news, told))
        note_triggers(batch, triggers, triggered)

    if leads:
        capture(tx, batch, leads, besides=meant, then=note)
    else:
        batch.opvs.update(opvs_by_id(OPVS.rows(tx, ids=meant)))
        note()
        batch.write(tx)
    update_rows(tx, _PROCESSES, ("id",), changes)
    linked = [{"id": one.id, "opportunity_id": told[one.id].opportunity_id} for one in news]
    linked += [{"id": one.id, "opportunity_id": triggered[one.id]} for one in triggers]
    update_rows(tx, _SUBMISSIONS, ("id",), linked)
    closed = [id_ for id_ in ids if batch.opvs[id_].status != "open"]
    tx.execute(delete(DistributionWork).where(any_of(tx, d.expression, closed)))


@dataclass(slots=True)
class _Process:
    """A process in memory."""

    id: UUID
    opv: UUID
    sale: Sale
    state: str
    process_id: str | None
    status: str | None
    status_at: datetime | None
    reason: str | None

    def row(self) -> dict[str, Any]:
        """What may have changed of its row."""
        names = ("id", "state", "process_id", "status", "status_at", "reason")
        return {name: getattr(self, name) for name in names}


def _note_all(
    tx: Connection, batch: Batch, news: Sequence[Submitted], told: Mapping[UUID, AnyRow]
) -> list[dict[str, Any]]:
    """Notes the statuses in the order received; gives the changes of the processes, read anew under the OPVs' lock."""
    ids = {told[one.id].id for one in news}
    known = {row.id: _process(row) for row in processes(tx, ids)}
    for submission in sorted(news, key=lambda one: (one.received_at, one.position)):
        process = known[told[submission.id].id]
        if submission.process is not None and _is_news(process, submission.process):
            _note(batch, batch.opvs[process.opv], process, submission, submission.process)
    return [known[id_].row() for id_ in sorted(known)]


def _note(batch: Batch, opv: Opv, process: _Process, submission: Submitted, status: ProcessStatus) -> None:
    channel = submission.entrance.key if submission.entrance else ""
    cause, at = Cause(f"channel:{channel}"), min(status.at or submission.received_at, submission.received_at)
    late = process.status_at is not None and at < process.status_at
    outcome = _outcome(process, status)
    data = {"process": str(process.id), "process_id": status.process_id}
    if process.state == "asked":  # it tells sooner than it answers
        process.state = "open"
        batch.record(opv, history.SALE_OPENED, cause, data)
    process.process_id = process.process_id or status.process_id
    said: dict[str, Any] = {
        **data, "status": status.status, "told_at": history.stamp(at), "outcome": outcome, "channel": channel,
        "delivery": str(submission.delivery), "late": late or None,
    }  # fmt: skip
    facts = {name: value for name, value in said.items() if value is not None}
    batch.record(opv, history.SALE_STATUS, cause, facts, _texts(status.said) or None)
    if not late:
        process.status, process.status_at = status.status, at
    if outcome is not None:
        process.state, process.reason = outcome, status.status if outcome == "lost" else None
    if outcome == "won" and opv.status != "won":
        was = {} if opv.status == "open" else {"was": opv.status}
        close_as_won(batch, opv, cause, process.sale, process=str(process.id), **was)


def _is_news(process: Any, status: ProcessStatus) -> bool:
    """Whether the process has another status, or the configuration has learned what this one means."""
    return process.status != status.status or _outcome(process, status) is not None


def _outcome(process: Any, status: ProcessStatus) -> str | None:
    """What becomes of the process. Won is won; a sale that was lost may be won all the same, and nothing else is news
    of one that is over."""
    if process.state == "won" or (status.outcome == "lost" and process.state not in ALIVE):
        return None
    return status.outcome


def _candidates(rows: Sequence[AnyRow], status: ProcessStatus) -> list[AnyRow]:
    """The processes that the status may be of: the module's id decides, else our own, which it gave back."""
    named = [row for row in rows if row.process_id == status.process_id]
    if not named:
        return [row for row in rows if row.process_id is None and row.id == _uuid(status.reference)]
    alive = [row for row in named if row.state in ALIVE] or named
    newest = {row.opportunity_id: row for row in sorted(alive, key=lambda row: row.seq)}
    return list(newest.values())


def _texts(said: Mapping[str, Any]) -> dict[str, str]:
    """What a stranger said, as texts that can be stored."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in said.items()
    }
    return {_storable(name): _storable(text) for name, text in texts.items()}


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _process(row: AnyRow) -> _Process:
    sale = Sale(row.value_cents, row.unit, row.sold_on)
    return _Process(row.id, row.opportunity_id, sale, row.state, row.process_id, row.status, row.status_at, row.reason)

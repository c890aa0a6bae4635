"""The automation step: pending events and due timers, each occurrence's effects exactly once.

An occurrence's run, its effects and the end of its event or timer are one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, delete, select, update

from db.claim import WorkList
from db.ids import new_id
from db.models import Base
from db.statement import Statement, run_all
from opv import history
from opv.automation.actions import Occurrence, perform
from opv.automation.expiry import Stay, expire, spared, stay_of
from opv.automation.sla import warn
from opv.batch import OPVS, Batch, Cause, Opv, opvs_by_id
from opv.distribution.waiting import put_on_list
from opv.facts import CAPTURES, OpvFacts, by_opv, newest
from opv.house import CheckedAutomation, House
from schemas.config import Expiry

_EVENTS = Base.metadata.tables["pending_events"]
_TIMERS = Base.metadata.tables["timers"]

_EVENTS_DONE = Statement(lambda one_of: delete(_EVENTS).where(one_of(_EVENTS.c.id, "ids")))
_WORK = Base.metadata.tables["distribution_work"]

# One that is being distributed just now is left to that worker, who waits for the OPV and finds it closed.
_OFF_LIST = Statement(
    lambda one_of: delete(_WORK).where(
        _WORK.c.opportunity_id.in_(
            select(_WORK.c.opportunity_id)
            .where(one_of(_WORK.c.opportunity_id, "opvs"))
            .with_for_update(skip_locked=True)
        )
    )
)
_TIMERS_DONE = Statement(lambda one_of: delete(_TIMERS).where(one_of(_TIMERS.c.id, "ids")))

MAX_DEPTH = 10
"""Automations that may follow out of one another before the loop is cut."""

log = logging.getLogger("porteiro.automation")


@dataclass(slots=True)
class Round:
    """A batch of occurrences, the OPVs' captures, and OPVs to put on the distribution list, or to take off it."""

    tx: Connection
    batch: Batch
    captures: Mapping[UUID, Sequence[Any]]
    waiting: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    off_list: set[UUID] = field(default_factory=set)
    stays: dict[UUID, Stay] = field(default_factory=dict)

    def run(self, checked: CheckedAutomation, occurrence: Occurrence, facts: OpvFacts) -> None:
        """Tests the condition, does the actions in order, records the run."""
        outcome = checked.when.test(facts)
        if not outcome.holds:
            self.record(occurrence, "not_met", outcome.because, [])
            return
        steps = [
            perform(action, index, occurrence, self.batch, self.waiting, self.off_list)
            for index, action in enumerate(checked.do)
        ]
        self.record(occurrence, "done", None, steps)

    def expire(self, checked: CheckedAutomation, expiry: Expiry, opv: Opv, since: int, facts: OpvFacts) -> None:
        """The time is over that the broker had in the stage since entry `since`; unless another one began meanwhile."""
        stay, broker = stay_of(self.tx, self.batch, opv, self.stays), opv.broker
        if since != stay.since or broker is None:
            return
        occurrence = Occurrence(self.tx, checked.key, opv, f"timer:{since}", Cause("distribution", 1, (checked.key,)))
        because = spared(self.batch.house, expiry, opv, facts)
        if because is not None:
            self.record(occurrence, "not_met", because, [])
            return
        row = expire(self.batch, opv, occurrence.cause, expiry, stay)
        if row is not None:
            self.waiting[opv.id] = row
        elif opv.broker != broker:
            self.off_list.add(opv.id)
        self.record(occurrence, "done", None, [{"action": "return", "result": "done", "broker": broker}])

    def warn(self, checked: CheckedAutomation, opv: Opv) -> None:
        """The OPV is in its stage for as long as it should be at most."""
        cause = Cause("system", 1, (checked.key,))
        told = warn(self.batch, opv, cause)
        occurrence = Occurrence(self.tx, checked.key, opv, f"timer:{opv.stage_seq}", cause)
        self.record(occurrence, "done", None, [{"action": "warn", "result": "done", "to": told}])

    def cut(self, occurrence: Occurrence) -> None:
        """Ends a loop, naming the automations that made it."""
        chain = " → ".join((*occurrence.cause.chain[-4:],))
        log.warning("automation loop cut at depth %d: %s", MAX_DEPTH, chain)
        self.record(occurrence, "cut", f"loop: {chain}", [])

    def record(self, occurrence: Occurrence, result: str, because: str | None, steps: list[dict[str, Any]]) -> None:
        """Adds the run's row."""
        self.batch.rows["automation_runs"].append(
            {
                "id": new_id(), "automation": occurrence.automation, "opportunity_id": occurrence.opv.id,
                "occurrence": occurrence.name, "at": self.batch.now, "result": result, "because": because,
                "steps": history.text_of(steps),
            }
        )  # fmt: skip


class RunEvents:
    """Work list: `pending_events`; a consumed one is deleted."""

    name = "automation"
    work_list = WorkList(_EVENTS, "id", batch=500, lease=timedelta(seconds=60), max_attempts=3)

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Runs what listens to each event, in the order of the events."""
        rows = self.work_list.held.rows(tx, ids=ids, token=token)
        round_ = _round(tx, house, now, {row.opportunity_id for row in rows})
        for row in rows:
            for checked in house.by_event.get(row.kind, ()):
                self._run(round_, row, checked)
        return _write(tx, round_, _EVENTS_DONE, [row.id for row in rows])

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Kept without a due time: listed as parked."""
        _park(tx, _EVENTS, id_, reason, detail)

    def _run(self, round_: Round, row: Any, checked: CheckedAutomation) -> None:
        opv = round_.batch.opvs[row.opportunity_id]
        key = checked.key
        chain = (*filter(None, row.chain.split(",")), key)
        occurrence = Occurrence(round_.tx, key, opv, str(row.seq), Cause(f"automation:{key}", row.depth + 1, chain))
        if row.depth >= MAX_DEPTH:
            round_.cut(occurrence)
        else:
            round_.run(checked, occurrence, OpvFacts(opv, _capture_at(round_, row), row.stage))


class RunTimers:
    """Work list: due `timers`; one whose OPV has left the stage is dropped."""

    name = "automation"
    work_list = WorkList(_TIMERS, "id", batch=500, lease=timedelta(seconds=60), max_attempts=3)

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Runs the automations whose time has come."""
        rows = self.work_list.held.rows(tx, ids=ids, token=token)
        round_ = _round(tx, house, now, {row.opportunity_id for row in rows})
        for row in rows:
            opv = round_.batch.opvs[row.opportunity_id]
            checked = house.automations.get(row.automation)
            if checked is None or opv.status != "open" or opv.stage != row.stage:
                continue
            facts = OpvFacts(opv, newest(round_.captures.get(opv.id, ())))
            if checked.expiry is not None:
                round_.expire(checked, checked.expiry, opv, row.stage_seq, facts)
            elif opv.stage_seq != row.stage_seq:
                continue
            elif checked.warns:
                round_.warn(checked, opv)
            else:
                cause = Cause(f"automation:{row.automation}", 1, (row.automation,))
                occurrence = Occurrence(tx, row.automation, opv, f"timer:{row.stage_seq}", cause)
                round_.run(checked, occurrence, facts)
        return _write(tx, round_, _TIMERS_DONE, [row.id for row in rows])

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Kept without a due time: listed as parked."""
        _park(tx, _TIMERS, id_, reason, detail)


def _round(tx: Connection, house: House, now: datetime, opvs: Iterable[UUID]) -> Round:
    batch = Batch(house, now)
    wanted = set(opvs)
    found, captures = run_all(tx, (OPVS, {"ids": wanted}), (CAPTURES, {"opvs": wanted}))
    batch.opvs = opvs_by_id(found)
    return Round(tx, batch, by_opv(captures))


def _capture_at(round_: Round, event: Any) -> Any | None:
    """The capture an event's conditions look at: that very one for a capture, else the newest then; the creation
    of an OPV is told together with its first capture."""
    captures = round_.captures.get(event.opportunity_id, ())
    if event.kind == history.CREATED:
        return captures[0] if captures else None
    return newest(captures, event.seq)


def _write(tx: Connection, round_: Round, done: Statement, consumed: Sequence[UUID]) -> set[str]:
    round_.batch.write(tx)
    if round_.off_list:
        _OFF_LIST.send(tx, opvs=round_.off_list)
    put_on_list(tx, round_.batch, round_.waiting)
    if consumed:
        done.send(tx, ids=consumed)
    return round_.batch.woken


def _park(tx: Connection, table: Table, id_: UUID, reason: str, detail: str) -> None:
    log.error("%s row %s parked: %s (%s)", table.name, id_, reason, detail)
    tx.execute(update(table).where(table.c.id == id_).values(due_at=None, lease=None))

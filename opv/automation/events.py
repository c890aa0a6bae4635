"""The automation step: pending events, each occurrence's effects exactly once."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, delete, select, update

from db.claim import WorkList
from db.models import Base
from db.statement import Statement
from opv import history
from opv.automation.actions.doing import Occurrence
from opv.automation.run import Round, followed, open_round, rounds, write
from opv.automation.triggers import CheckedAutomation
from opv.batch import Cause
from opv.facts import newest
from opv.house import House

_EVENTS = Base.metadata.tables["pending_events"]
_ENTRIES = Base.metadata.tables["history_entries"]

_EVENTS_DONE = Statement(lambda one_of: delete(_EVENTS).where(one_of(_EVENTS.c.id, "ids")))

_TOLD = Statement(
    lambda one_of: select(_ENTRIES.c.opportunity_id, _ENTRIES.c.seq, _ENTRIES.c.data).where(
        one_of(_ENTRIES.c.opportunity_id, "opvs"), one_of(_ENTRIES.c.seq, "seqs")
    )
)

log = logging.getLogger("porteiro.automation")

Told = Mapping[tuple[UUID, int], Mapping[str, Any]]
"""What entries say, by OPV and `seq`."""


class RunEvents:
    """Work list: `pending_events`; a consumed one is deleted."""

    name = "automation"
    work_list = WorkList(_EVENTS, "id", batch=500, lease=timedelta(seconds=60), max_attempts=3)

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Runs what listens to each event, in the order of the events."""
        rows = self.work_list.held.rows(tx, ids=ids, token=token)
        heard = {kind: house.by_event.get(kind, ()) for kind in {row.kind for row in rows}}
        checked = [one for group in heard.values() for one in group]
        told = said_by_entries(tx, [(row.opportunity_id, row.seq) for row in rows]) if reads_events(checked) else {}

        def work(round_: Round) -> None:
            for row in rows:
                for one in heard[row.kind]:
                    self._run(round_, row, one, told.get((row.opportunity_id, row.seq), {}))

        opvs = {row.opportunity_id for row in rows}
        round_ = rounds(lambda broken: open_round(tx, house, now, opvs, checked, broken), work)
        woken = write(round_)
        if rows:
            _EVENTS_DONE.send(tx, ids=[row.id for row in rows])
        return woken

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Kept without a due time: listed as parked."""
        park(tx, _EVENTS, id_, reason, detail)

    def _run(self, round_: Round, row: Any, checked: CheckedAutomation, event: Mapping[str, Any]) -> None:
        if checked.active_since is not None and row.at < checked.active_since:
            return
        if checked.narrow is not None and not checked.narrow(event):
            return
        opv = round_.batch.opvs[row.opportunity_id]
        cause = Cause(f"automation:{checked.key}", row.depth + 1, followed(row.chain, checked.key))
        occurrence = Occurrence(round_.tx, checked.key, opv, str(row.seq), cause, row.kind, row.seq, row.stage)
        facts = round_.facts(opv, capture=_capture_at(round_, row), stage=row.stage, event=event)
        round_.begin(checked, occurrence, facts)


def reads_events(checked: Sequence[CheckedAutomation]) -> bool:
    """Whether one of the automations looks at what the entry that triggered it says."""
    return any(one.narrow is not None or any(f.startswith("event.") for f in one.when.facts) for one in checked)


def said_by_entries(tx: Connection, entries: Sequence[tuple[UUID, int]]) -> Told:
    """What the entries say."""
    if not entries:
        return {}
    found = _TOLD.rows(tx, opvs={opv for opv, _ in entries}, seqs={seq for _, seq in entries})
    return {(row.opportunity_id, row.seq): json.loads(row.data) for row in found}


def park(tx: Connection, table: Table, id_: UUID, reason: str, detail: str) -> None:
    """Keeps a row of the table without a due time."""
    log.error("%s row %s parked: %s (%s)", table.name, id_, reason, detail)
    tx.execute(update(table).where(table.c.id == id_).values(due_at=None, lease=None))


def _capture_at(round_: Round, event: Any) -> Any | None:
    """The capture an event's conditions look at: that very one for a capture, else the newest then; the creation
    of an OPV is told together with its first capture."""
    captures = round_.captures.get(event.opportunity_id, ())
    if event.kind == history.CREATED:
        return captures[0] if captures else None
    return newest(captures, event.seq)

"""What came of asking the sales module for processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.bulk import update_rows
from db.models import Base
from db.queries.sales import processes
from db.session import AnyRow
from opv import history
from opv.batch import Batch, Cause, Opv
from opv.house import House
from schemas.errors import PorteiroError
from schemas.target import Answer, Refused

_PROCESSES = Base.metadata.tables["sale_processes"]


@dataclass(frozen=True, slots=True)
class Ended:
    """A message that asks for a process, and its end: the module's answer, or the error after which it is not sent
    again by itself."""

    row: AnyRow
    result: Answer | PorteiroError

    @property
    def process(self) -> UUID:
        """The process that it asks for."""
        return UUID(json.loads(self.row.body)["process"])


def settle(tx: Connection, house: House, now: datetime, opvs: Mapping[UUID, Opv], ended: Sequence[Ended]) -> set[str]:
    """Writes the processes' ends, with history; gives the steps to wake. `opvs`: those of the messages, locked."""
    if not ended:
        return set()
    batch = Batch(house, now)
    batch.opvs = dict(opvs)
    known = {row.id: row for row in processes(tx, [one.process for one in ended])}
    changes = [
        change
        for one in ended
        if (process := known.get(one.process)) is not None
        and (opv := opvs.get(process.opportunity_id)) is not None
        and (change := _ended(batch, opv, process, one)) is not None
    ]
    batch.write(tx)
    update_rows(tx, _PROCESSES, ("id",), changes)
    return batch.woken


def _ended(batch: Batch, opv: Opv, process: AnyRow, ended: Ended) -> dict[str, Any] | None:
    """The change of the process's row. One that the module told of by itself meanwhile keeps what it said."""
    cause, data = Cause(f"target:{ended.row.target}"), {"process": str(process.id)}
    if isinstance(ended.result, Answer):
        known = process.process_id or ended.result.reference
        if process.state == "asked":
            batch.record(opv, history.SALE_OPENED, cause, {**data, "process_id": known})
        elif process.process_id is not None:
            return None
        state = "open" if process.state == "asked" else process.state
        return {"id": process.id, "state": state, "process_id": known, "reason": process.reason}
    if process.state != "asked":
        return None
    words = ended.result.words if isinstance(ended.result, Refused) else None
    content = {"said": words} if words else None
    data["reason"] = ended.result.reason
    batch.record(opv, history.SALE_FAILED, cause, data, content)
    return {"id": process.id, "state": "failed", "process_id": process.process_id, "reason": ended.result.reason}

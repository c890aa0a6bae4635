"""Where an action of an automation is done: the occurrence, the unit of work, and what it leaves to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.ids import new_id
from opv.actions import Acting
from opv.batch import Batch, Cause, Opv

Done = dict[str, Any]
"""What an action did, for the run's record: `result` (done or skipped), and what else there is to say."""


@dataclass(slots=True)
class Occurrence:
    """One occurrence of one automation on one OPV: `name` makes it unique per automation and OPV. `run` is the id
    of its row, `trigger`, `seq` and `stage` what triggered it (see `AutomationRun`), `asked_by` who had it run by
    hand."""

    tx: Connection
    automation: str
    opv: Opv
    name: str
    cause: Cause
    trigger: str
    seq: int | None = None
    stage: str | None = None
    run: UUID = field(default_factory=new_id)
    asked_by: str | None = None

    def __post_init__(self) -> None:
        """What it does names the run in the history."""
        self.cause = replace(self.cause, run=self.run)


@dataclass(slots=True)
class Doing:
    """One action being done. `place` is where it stands in the automation (`0`, `2.then.1`), the same at every try;
    `facts` are those of the moment; `waiting` takes OPVs to distribute, `off_list` those that are no more to be."""

    occurrence: Occurrence
    batch: Batch
    place: str
    facts: Mapping[str, Any]
    captures: Sequence[Any]
    waiting: dict[UUID, dict[str, Any]]
    off_list: set[UUID]

    @property
    def tx(self) -> Connection:
        """The unit of work."""
        return self.occurrence.tx

    @property
    def opv(self) -> Opv:
        """The OPV, under lock."""
        return self.occurrence.opv

    @property
    def cause(self) -> Cause:
        """Who does it: the automation."""
        return self.occurrence.cause

    def key(self, *parts: object) -> str:
        """A key for what goes outside: the same however often this action of this occurrence is done."""
        at = self.occurrence
        return ":".join(map(str, (at.automation, at.opv.id, at.name, self.place, *parts)))

    def acting(self) -> Acting:
        """For the actions that people do too; `settle` takes over what they leave."""
        return Acting(self.tx, self.batch, self.opv, self.cause)

    def settle(self, acting: Acting) -> None:
        """Takes over what an action left for distribution."""
        if acting.off_list:
            self.waiting.pop(self.opv.id, None)
            self.off_list.add(self.opv.id)
        if acting.waiting:
            self.off_list.discard(self.opv.id)
            self.waiting.update(acting.waiting)


def skipped(reason: str, because: str) -> Done:
    """Nothing was done: the code of the rule that says so, which everybody may read, and its sentence."""
    return {"result": "skipped", "reason": reason, "because": because}

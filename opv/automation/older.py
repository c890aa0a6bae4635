"""Times of OPVs that were there before their automation (`older: true`): a walk over all open OPVs, once, in the order
of their ids. Those whose time is over already come due at once, but for what was to be done before a time that is over
itself."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Integer, Uuid, bindparam, select

from db.bulk import add_new
from db.models import Base
from db.statement import Statement
from opv.automation.times import Entries, over_at, timer
from opv.automation.triggers import CheckedAutomation
from opv.batch import OPV_COLUMNS, Opv, opvs_by_id
from opv.house import House
from schemas.config import Before, InStage

_OPVS = Base.metadata.tables["opportunities"]
_RUNS = Base.metadata.tables["automation_runs"]
_TIMERS = Base.metadata.tables["timers"]

AT_ONCE = 500
"""OPVs looked at in one unit of work."""

_NEXT = Statement(
    lambda _: (
        select(*(_OPVS.c[name] for name in OPV_COLUMNS))
        .where(_OPVS.c.status == "open", _OPVS.c.id > bindparam("after", type_=Uuid()))
        .order_by(_OPVS.c.id)
        .limit(bindparam("many", type_=Integer()))
        .with_for_update(key_share=True)
    )
)
_RAN = Statement(
    lambda one_of: select(_RUNS.c.opportunity_id, _RUNS.c.occurrence).where(
        one_of(_RUNS.c.automation, "keys"), one_of(_RUNS.c.opportunity_id, "opvs")
    )
)


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the walk has come, for which trigger that became active when; `over`: at its end."""

    trigger: str
    place: str = str(UUID(int=0))
    over: bool = False

    @classmethod
    def of(cls, text: str, checked: CheckedAutomation) -> Walk:
        """The walk to go on with: what was kept, or a new one when the trigger was changed or became active again."""
        kept, trigger = json.loads(text), f"{checked.active_since} {checked.on!r}"
        return cls(**kept) if kept.get("trigger") == trigger else cls(trigger)

    def text(self) -> str:
        """To be kept in a row."""
        return json.dumps({"trigger": self.trigger, "place": self.place, "over": self.over})


def begin_some(tx: Connection, house: House, checked: CheckedAutomation, walk: Walk, now: datetime) -> Walk:
    """Starts the automation's timers for the next OPVs, which it locks; gives how far the walk is. Times that have run
    already, and those that are counted just now, are left alone."""
    found = opvs_by_id(_NEXT.rows(tx, after=UUID(walk.place), many=AT_ONCE))
    opvs = {id_: opv for id_, opv in found.items() if _is_there(checked, opv)}
    entries, ran = Entries(tx, opvs.keys(), [checked]), _ran(tx, checked, opvs.keys())
    rows = []
    for opv in opvs.values():
        entry = entries.newest(checked, opv)
        if entry is None or (opv.id, f"timer:{entry.seq}") in ran:
            continue
        due_at = over_at(checked, opv, entry, house.duty.company, house.zone, now)
        begun = checked.active_since is None or entry.at < checked.active_since
        if due_at is None or (isinstance(checked.on, Before) and due_at < now and not begun):
            continue
        rows.append(timer(checked, opv, entry.seq, max(due_at, now)))
    add_new(tx, _TIMERS, rows, ("automation", "opportunity_id", "stage_seq"))
    if len(found) < AT_ONCE:
        return replace(walk, over=True)
    return replace(walk, place=str(max(found)))


def _is_there(checked: CheckedAutomation, opv: Opv) -> bool:
    on = checked.on
    return not isinstance(on, InStage) or (opv.stage == on.in_stage and on.status in (None, opv.stage_status))


def _ran(tx: Connection, checked: CheckedAutomation, opvs: Collection[UUID]) -> set[tuple[UUID, str]]:
    if not opvs:
        return set()
    return {(row.opportunity_id, row.occurrence) for row in _RAN.rows(tx, keys=[checked.key], opvs=opvs)}

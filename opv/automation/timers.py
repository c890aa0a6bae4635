"""The automation step: times that are over, each occurrence's effects exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete

from db.bulk import update_rows
from db.claim import WorkList
from db.models import Base
from db.statement import Statement
from opv.automation.actions.doing import Occurrence
from opv.automation.events import park
from opv.automation.expiry import Stay, expire, spared, stay_of
from opv.automation.run import Round, followed, open_round, rounds, write
from opv.automation.sla import warn
from opv.automation.times import QUIET, Entries, Entry, over_at
from opv.automation.triggers import CheckedAutomation
from opv.batch import Cause, Opv
from opv.house import House
from schemas.config import After, Before, Without

_TIMERS = Base.metadata.tables["timers"]

_TIMERS_DONE = Statement(lambda one_of: delete(_TIMERS).where(one_of(_TIMERS.c.id, "ids")))


class RunTimers:
    """Work list: due `timers`; one whose OPV has left the stage, or whose time was begun anew since, is dropped."""

    name = "automation"
    work_list = WorkList(_TIMERS, "id", batch=500, lease=timedelta(seconds=60), max_attempts=3)

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Runs the automations whose time has come."""
        rows = self.work_list.held.rows(tx, ids=ids, token=token)
        checked = [one for key in {row.automation for row in rows} if (one := house.automations.get(key)) is not None]
        opvs = {row.opportunity_id for row in rows}
        later: list[dict[str, Any]] = []

        def work(round_: Round) -> None:
            later.clear()
            stays: dict[UUID, Stay] = {}
            entries = Entries(tx, opvs, filter(_looks_back, checked))  # once the OPVs are locked
            for row in rows:
                anew = _run(round_, row, stays, entries)
                if anew is not None:
                    later.append({"id": row.id, "lease": None, "attempts": 0, **anew})

        round_ = rounds(lambda broken: open_round(tx, house, now, opvs, checked, broken), work)
        if done := [row.id for row in rows if row.id not in {one["id"] for one in later}]:
            _TIMERS_DONE.send(tx, ids=done)  # before what was done begins the same time anew
        update_rows(tx, _TIMERS, ("id",), later)
        return write(round_)

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Kept without a due time: listed as parked."""
        park(tx, _TIMERS, id_, reason, detail)


def _looks_back(checked: CheckedAutomation) -> bool:
    """Whether the history says from when it counts; else the OPV's row does."""
    return checked.status is not None or isinstance(checked.on, Without | Before | After)


def _run(round_: Round, row: Any, stays: dict[UUID, Stay], entries: Entries) -> dict[str, Any] | None:
    """Gives the changes of a timer that is to come due again."""
    opv = round_.batch.opvs[row.opportunity_id]
    checked = round_.batch.house.automations.get(row.automation)
    if checked is None or opv.status != "open" or row.stage not in ("", opv.stage):
        return None
    if _looks_back(checked):
        return _look_back(round_, checked, opv, row, entries.newest(checked, opv))
    if checked.expiry is not None:
        _expire(round_, checked, opv, row.stage_seq, stays)
    elif opv.stage_seq != row.stage_seq:
        return None
    elif checked.warns:
        _warn(round_, checked, opv)
    else:
        _begin(round_, checked, opv, row.stage_seq, row.chain)
    return None


def _look_back(
    round_: Round, checked: CheckedAutomation, opv: Opv, row: Any, entry: Entry | None
) -> dict[str, Any] | None:
    """The time is over that was counted when the timer was set; unless the newest `entry` of its kind says
    otherwise."""
    house, now = round_.batch.house, round_.batch.now
    quiet = isinstance(checked.on, Without)
    if entry is None or row.stage_seq != (QUIET if quiet else entry.seq):
        return None
    if checked.status not in (None, opv.stage_status):
        return None
    if checked.active_since is not None and entry.at < checked.active_since and not checked.older:
        return None
    due_at = over_at(checked, opv, entry, house.duty.company, house.zone, now)
    chain = "" if entry.by_person else row.chain
    if due_at is not None and due_at > now:
        return {"due_at": due_at, "chain": chain}
    if due_at is not None:
        _begin(round_, checked, opv, entry.seq, chain)
    return None


def _begin(round_: Round, checked: CheckedAutomation, opv: Opv, since: int, chain: str) -> None:
    cause = Cause(f"automation:{checked.key}", 1, followed(chain, checked.key))
    round_.begin(checked, _occurrence(round_, checked, opv, since, cause), round_.facts(opv))


def _expire(round_: Round, checked: CheckedAutomation, opv: Opv, since: int, stays: dict[UUID, Stay]) -> None:
    """The time is over that the broker had in the stage since entry `since`; unless another one began meanwhile."""
    stay, broker = stay_of(round_.tx, round_.batch, opv, stays), opv.broker
    expiry = checked.expiry
    if expiry is None or since != stay.since or broker is None:
        return
    occurrence = _occurrence(round_, checked, opv, since, Cause("distribution", 1, (checked.key,)))
    because = spared(round_.batch.house, expiry, opv, round_.facts(opv))
    if because is not None:
        round_.record(occurrence, "not_met", because)
        return
    row = expire(round_.batch, opv, occurrence.cause, expiry, stay)
    if row is not None:
        round_.waiting[opv.id] = row
    elif opv.broker != broker:
        round_.off_list.add(opv.id)
    round_.record(occurrence, "done", None, [{"action": "return", "result": "done", "broker": broker}])


def _warn(round_: Round, checked: CheckedAutomation, opv: Opv) -> None:
    """The OPV is in its stage for as long as it should be at most."""
    cause = Cause("system", 1, (checked.key,))
    told = warn(round_.batch, opv, cause)
    occurrence = _occurrence(round_, checked, opv, opv.stage_seq, cause)
    round_.record(occurrence, "done", None, [{"action": "warn", "result": "done", "to": told}])


def _occurrence(round_: Round, checked: CheckedAutomation, opv: Opv, since: int, cause: Cause) -> Occurrence:
    return Occurrence(round_.tx, checked.key, opv, f"timer:{since}", cause, "timer", since, opv.stage)

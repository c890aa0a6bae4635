"""The automation step: times that are over, each occurrence's effects exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete

from db.claim import WorkList
from db.models import Base
from db.statement import Statement
from opv.automation.actions.doing import Occurrence
from opv.automation.events import park
from opv.automation.expiry import Stay, expire, spared, stay_of
from opv.automation.run import Round, followed, open_round, rounds, write
from opv.automation.sla import warn
from opv.automation.triggers import CheckedAutomation
from opv.batch import Cause, Opv
from opv.house import House

_TIMERS = Base.metadata.tables["timers"]

_TIMERS_DONE = Statement(lambda one_of: delete(_TIMERS).where(one_of(_TIMERS.c.id, "ids")))


class RunTimers:
    """Work list: due `timers`; one whose OPV has left the stage is dropped."""

    name = "automation"
    work_list = WorkList(_TIMERS, "id", batch=500, lease=timedelta(seconds=60), max_attempts=3)

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Runs the automations whose time has come."""
        rows = self.work_list.held.rows(tx, ids=ids, token=token)
        checked = [one for key in {row.automation for row in rows} if (one := house.automations.get(key)) is not None]

        def work(round_: Round) -> None:
            stays: dict[UUID, Stay] = {}
            for row in rows:
                _run(round_, row, stays)

        opvs = {row.opportunity_id for row in rows}
        round_ = rounds(lambda broken: open_round(tx, house, now, opvs, checked, broken), work)
        woken = write(round_)
        if rows:
            _TIMERS_DONE.send(tx, ids=[row.id for row in rows])
        return woken

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Kept without a due time: listed as parked."""
        park(tx, _TIMERS, id_, reason, detail)


def _run(round_: Round, row: Any, stays: dict[UUID, Stay]) -> None:
    opv = round_.batch.opvs[row.opportunity_id]
    checked = round_.batch.house.automations.get(row.automation)
    if checked is None or opv.status != "open" or opv.stage != row.stage:
        return
    if checked.expiry is not None:
        _expire(round_, checked, opv, row.stage_seq, stays)
    elif opv.stage_seq != row.stage_seq:
        return
    elif checked.warns:
        _warn(round_, checked, opv)
    else:
        cause = Cause(f"automation:{row.automation}", 1, followed(row.chain, row.automation))
        occurrence = _occurrence(round_, checked, opv, row.stage_seq, cause)
        round_.begin(checked, occurrence, round_.facts(opv))


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

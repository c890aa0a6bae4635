"""The automation step: runs that waited and go on, unless what changed in between ends them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from db.claim import WorkList
from db.models import Base
from db.statement import Statement
from opv import history
from opv.automation.actions.doing import Done, Occurrence
from opv.automation.run import TODO, Bugs, Round, Todo, open_round, rounds, write
from opv.automation.triggers import CheckedAutomation
from opv.batch import Cause, Opv
from opv.house import House
from schemas.conditions import Condition
from schemas.config import Wait, WaitOptions

_RUNS = Base.metadata.tables["automation_runs"]
_ENTRIES = Base.metadata.tables["history_entries"]

_CLOSING = (history.WITHDRAWN, history.WON)
_MOVES = (history.STAGE_CHANGED, history.STATUS_CHANGED, history.REOPENED)


def _one_of(kinds: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(_ENTRIES.c.kind == kind for kind in kinds))


_INTERVENED = Statement(
    lambda one_of: (
        select(_ENTRIES.c.opportunity_id, func.max(_ENTRIES.c.seq).label("seq"))
        .where(
            one_of(_ENTRIES.c.opportunity_id, "opvs"),
            or_(_one_of(_CLOSING), and_(_one_of(_MOVES), _ENTRIES.c.actor.like("person:%"))),
        )
        .group_by(_ENTRIES.c.opportunity_id)
    )
)
"""The last entries by which the OPVs `opvs` were closed, or moved by a person."""


class RunWaiting:
    """Work list: `automation_runs` that wait."""

    name = "automation"
    work_list = WorkList(_RUNS, "id", batch=200, lease=timedelta(seconds=60), max_attempts=3)

    def work(self, tx: Connection, ids: Sequence[UUID], token: UUID, house: House, now: datetime) -> set[str]:
        """Goes on with the runs whose wait is over."""
        rows = self.work_list.held.rows(tx, ids=ids, token=token)
        opvs = {row.opportunity_id for row in rows}
        checked = [one for key in {row.automation for row in rows} if (one := house.automations.get(key)) is not None]

        def begin(broken: Bugs) -> Round:
            return open_round(tx, house, now, opvs, checked, broken)

        moved: dict[UUID, int] = {}

        def work(round_: Round) -> None:
            moved.update(moved_at(tx, opvs))  # once the OPVs are locked
            for row in rows:
                go_on(round_, row, moved.get(row.opportunity_id, 0))

        return write(rounds(begin, work))

    def park(self, tx: Connection, id_: UUID, reason: str, detail: str, now: datetime) -> None:
        """Failed: it can be tried again from where it is."""
        changes = {"result": "failed", "because": f"{reason}: {detail}", "finished_at": now, "due_at": None}
        tx.execute(update(_RUNS).where(_RUNS.c.id == id_).values(**changes, lease=None))


def go_on(round_: Round, row: Any, moved: int, *, again: str | None = None) -> str:
    """Goes on with a run out of its row, unless something ends it: `moved` is the last entry by which its OPV was
    closed, or moved by a person. `again`: the person who wants the failed or paused run tried again, so that what was
    checked when it began to wait is not asked any more. Gives the result."""
    house, opv = round_.batch.house, round_.batch.opvs[row.opportunity_id]
    checked = house.automations.get(row.automation)
    steps: list[Done] = json.loads(row.steps)
    chain = tuple(filter(None, (row.chain or "").split(",")))
    occurrence = Occurrence(
        round_.tx, row.automation, opv, row.occurrence, Cause(f"automation:{row.automation}", 1, chain),
        row.trigger or "", row.seq, row.stage, row.id, row.asked_by,
    )  # fmt: skip
    todo: Todo = TODO.validate_json(row.todo or "[]")
    if checked is None:
        return round_.record(occurrence, "ended", "the automation is not active any more", steps, row=row.id)
    state = round_.states.get(checked.key)
    if state is not None and state.paused_at is not None and not again:
        return round_.record(
            occurrence, "paused", "the automation is paused", steps, todo=todo, rechecks=row.rechecks,
            waited=row.waited_seq, row=row.id,
        )  # fmt: skip
    waited = bool(todo and steps) and (steps[-1]["action"], steps[-1]["result"]) == ("wait", "waiting")
    if waited:
        steps[-1] = {**steps[-1], "result": "done"}
    if again:
        steps.append({"action": "retry", "result": "done", "by": again})
    elif (because := _ends(round_, checked, row, opv, moved, todo[:1] if waited else [])) is not None:
        return round_.record(occurrence, "ended", because, steps, row=row.id)
    return round_.go_on(checked, occurrence, todo[1:] if waited else todo, steps, row=row.id)


def _ends(round_: Round, checked: CheckedAutomation, row: Any, opv: Opv, moved: int, wait: Todo) -> str | None:
    """What ends a run that waited, in words. `wait`: its action of that kind, unless it waited to begin."""
    if moved > (row.waited_seq or 0):
        return "a person moved the OPV meanwhile" if opv.status == "open" else "the OPV was closed meanwhile"
    facts = round_.facts(opv)
    if row.rechecks and not (outcome := checked.when.test(facts)).holds:
        return outcome.because
    for _, action in wait:
        if isinstance(action, Wait) and isinstance(action.wait, WaitOptions):
            outcome = Condition.read(action.wait.if_)[0].test(facts)
            return None if outcome.holds else outcome.because
    return None


def moved_at(tx: Connection, opvs: Collection[UUID]) -> dict[UUID, int]:
    """The last entry of each OPV by which it was closed, or moved by a person."""
    return {row.opportunity_id: row.seq for row in _INTERVENED.rows(tx, opvs=opvs)} if opvs else {}

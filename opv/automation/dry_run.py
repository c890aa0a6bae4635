"""What an automation would do: the engine itself at work, on a batch that is never written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from opv.access import Viewer
from opv.automation.actions.doing import Done, Occurrence
from opv.automation.by_hand import by_hand, found_opv, require_operator, written
from opv.automation.run import TODO, Bugs, Round, open_round, rounds
from opv.automation.triggers import CheckedAutomation
from opv.house import House
from schemas.automations import DryRun
from schemas.config import Wait

NO_WORD = frozenset({"at", "seq", "run"})
"""What a step tells of rows that are not there."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a run would come to: as its row would tell."""

    result: str
    because: str | None
    steps: list[Done]
    left: list[Any]


def dry_run(tx: Connection, house: House, viewer: Viewer | None, now: datetime, key: str, ident: str) -> DryRun:
    """Whether the automation's condition holds for the OPV now, and what its actions would do, whether it is paused or
    not. Nothing is written: the unit of work is rolled back to where it was, with its locks.

    Raises `Reject`: `unknown_opv`, `unknown_automation` (404), `automation_inactive` (409), `not_allowed` (403)."""
    require_operator(viewer)
    checked = written(house, key)
    opv = found_opv(tx, ident)

    def occurring(round_: Round) -> tuple[Occurrence, Mapping[str, Any]]:
        occurrence = by_hand(round_, checked, opv, "hand:dry", viewer.person if viewer else "command line")
        return occurrence, round_.facts(occurrence.opv)

    within = tx.begin_nested()
    try:
        opened: list[Round] = []

        def begin(broken: Bugs) -> Round:
            opened[:] = [open_round(tx, house, now, [opv], [checked], broken)]
            return opened[0]

        tried = attempt(begin, checked, occurring)
        number = opened[0].batch.opvs[opv].number
        state = opened[0].states.get(key)
    finally:
        within.rollback()
    return DryRun(
        automation=key, opv=opv, number=number, holds=tried.result != "not_met", result=tried.result,
        because=tried.because, steps=tried.steps, left=tried.left,
        paused=state is not None and state.paused_at is not None,
    )  # fmt: skip


def attempt(
    begin: Callable[[Bugs], Round],
    checked: CheckedAutomation,
    occurring: Callable[[Round], tuple[Occurrence, Mapping[str, Any]]],
) -> Tried:
    """What the run of an occurrence would come to, which is left in the round's batch. What waits, for a time or for
    its rate, goes on at once."""
    tried: list[Tried] = []

    def work(round_: Round) -> None:
        occurrence, facts = occurring(round_)
        result = round_.begin(checked, occurrence, facts)
        row = next(r for r in round_.batch.rows["automation_runs"] if r["id"] == occurrence.run)
        while result == "waiting":
            todo, steps = TODO.validate_json(row["todo"]), json.loads(row["steps"])
            if steps and isinstance(todo[0][1], Wait):
                todo = todo[1:]
            result = round_.go_on(checked, occurrence, todo, steps, row=occurrence.run)
            row = round_.ended[-1]
        steps = [{name: value for name, value in s.items() if name not in NO_WORD} for s in json.loads(row["steps"])]
        left = [action for _, action in json.loads(row["todo"] or "[]")]
        tried[:] = [Tried(result, row["because"], steps, left)]

    rounds(begin, work)
    return tried[0]

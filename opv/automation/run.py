"""Runs of automations: the condition, the actions in order, waits and branches, and what is kept of it.

An occurrence's run, its effects and the end of what triggered it are one transaction. A run that waits leaves its
remaining actions in its row and goes on from there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import SQLAlchemyError

from db.bulk import update_rows
from db.models import Base
from db.statement import Statement, run_all
from opv import history
from opv.automation import states
from opv.automation.actions.doing import Doing, Done, Occurrence
from opv.automation.actions.registry import PERFORM
from opv.automation.known import Known
from opv.automation.states import State
from opv.automation.triggers import CheckedAutomation
from opv.batch import OPVS, Batch, Cause, Opv, opvs_by_id
from opv.channels.alarms import Trouble, cut_trouble, paused_troubles, raise_alarms
from opv.distribution.waiting import put_on_list
from opv.facts import CAPTURES, OpvFacts, by_opv, newest
from opv.house import House
from opv.step import fingerprint
from schemas.conditions import Condition
from schemas.config import Action, Branch, Run, Stop, Wait, WaitOptions, name_of
from schemas.duration import Duration
from schemas.errors import PorteiroError

MAX_DEPTH = 10
"""Automations that may follow out of one another at once before the loop is cut."""

MAX_REPEATS = 5
"""Times that one automation may follow out of itself, over whatever time, until a person does something."""

CHAIN = 20
"""Names that a chain keeps."""

_RUNS = Base.metadata.tables["automation_runs"]
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

Todo = list[tuple[str, Action]]
"""Actions that are left, each with its place in the automation."""

TODO: TypeAdapter[Todo] = TypeAdapter(list[tuple[str, Action]])

log = logging.getLogger("porteiro.automation")


def numbered(actions: Sequence[Action], within: str = "") -> Todo:
    """The actions with their places."""
    return [(f"{within}{index}", action) for index, action in enumerate(actions)]


def followed(chain: str, key: str) -> tuple[str, ...]:
    """The chain of automations with one more at its end."""
    return (*filter(None, chain.split(",")), key)[-CHAIN:]


RunName = tuple[str, UUID, str]
"""An automation, an OPV and an occurrence."""

Bug = tuple[int, str]
"""After how many steps of its run a bug was met, and its fingerprint."""

Bugs = Mapping[RunName, Bug]


class Broken(Exception):
    """A run met a bug. Its batch in memory is not to be used any more."""

    def __init__(self, run: RunName, bug: Bug) -> None:
        super().__init__(bug[1])
        self.run = run
        self.bug = bug


@dataclass(slots=True)
class Round:
    """A batch of occurrences, the OPVs' captures, the automations' states, and OPVs to put on the distribution list, or
    to take off it. `broken`: runs that met a bug when the batch was tried before. `ended`: changes of rows of runs that
    went on; `warnings`: what the log says once it is written."""

    tx: Connection
    batch: Batch
    captures: Mapping[UUID, Sequence[Any]]
    states: dict[str, State]
    broken: Bugs = field(default_factory=dict)
    waiting: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    off_list: set[UUID] = field(default_factory=set)
    ended: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    known: Known = field(init=False)

    def __post_init__(self) -> None:
        """What conditions ask for beyond rows and captures is loaded once they do."""
        self.known = Known(self.tx, self.batch, self.captures)

    def facts(self, opv: Opv, **then: Any) -> OpvFacts:
        """Facts of the moment, or as `OpvFacts` has them `then`."""
        now: dict[str, Any] = {"capture": newest(self.captures.get(opv.id, ())), "known": self.known.fact}
        return OpvFacts(opv, **(now | then))

    def begin(self, checked: CheckedAutomation, occurrence: Occurrence, facts: Mapping[str, Any]) -> str:
        """Tests the condition and does the actions; gives the result."""
        todo = numbered(checked.do)
        chain = occurrence.cause.chain
        if occurrence.cause.depth > MAX_DEPTH or chain.count(checked.key) > MAX_REPEATS:
            return self._cut(occurrence)
        outcome = checked.when.test(facts)
        if not outcome.holds:
            return self.record(occurrence, "not_met", outcome.because)
        state = self.states.get(checked.key) or self.states.setdefault(checked.key, State(checked.key))
        if state.paused_at is not None and occurrence.asked_by is None:
            return self.record(
                occurrence, "paused", "the automation is paused", todo=todo, rechecks=self._holds(checked, occurrence)
            )
        begins = state.begin(checked, self.batch.now)
        if begins > self.batch.now:
            return self.record(
                occurrence, "waiting", "its rate lets it begin later", todo=todo, due_at=begins,
                rechecks=self._holds(checked, occurrence),
            )  # fmt: skip
        return self.go_on(checked, occurrence, todo, [])

    def go_on(
        self,
        checked: CheckedAutomation,
        occurrence: Occurrence,
        todo: Todo,
        steps: list[Done],
        *,
        row: UUID | None = None,
    ) -> str:
        """Does the actions that are left, in order, until the end, a wait or a failure; gives the result. `row`: the
        run's row, when it is there already."""
        state = self.states.get(checked.key) or self.states.setdefault(checked.key, State(checked.key))
        todo = list(todo)
        while todo:
            place, action = todo[0]
            match action:
                case Wait():
                    return self._wait(checked, occurrence, action, todo, steps, row)
                case Stop():
                    steps.append({"action": "stop", "result": "done"})
                    todo.clear()
                    continue
                case Branch():
                    outcome = Condition.read(action.branch.if_)[0].test(self.facts(occurrence.opv))
                    way = "then" if outcome.holds else "else"
                    steps.append({"action": "branch", "result": "done", "way": way, **_because(outcome.because)})
                    chosen = action.branch.then if outcome.holds else action.branch.else_
                    todo[:1] = numbered(chosen, f"{place}.{way}.")
                    continue
            try:
                done = self._tried(place, action, occurrence, len(steps))
            except (PorteiroError, _Bug) as refused:
                said = {"result": "failed", "reason": refused.reason, "because": str(refused)}
                steps.append({"action": name_of(action), **said})
                state.fail(checked, refused.reason, self.batch.now)
                self.warnings.append(f"automation {checked.key} failed at {name_of(action)}: {refused.reason}")
                return self.record(occurrence, "failed", f"{name_of(action)}: {refused}", steps, todo=todo, row=row)
            steps.append({"action": name_of(action), **done})
            todo.pop(0)
        state.succeed()
        return self.record(occurrence, "done", None, steps, row=row)

    def record(
        self,
        occurrence: Occurrence,
        result: str,
        because: str | None,
        steps: Sequence[Done] = (),
        *,
        todo: Todo | None = None,
        due_at: datetime | None = None,
        rechecks: bool = False,
        waited: int | None = None,
        row: UUID | None = None,
    ) -> str:
        """Adds the run's row, or changes it. `waited`: the OPV's last entry when it began to wait, if not now."""
        now = self.batch.now
        over = None if result in ("waiting", "paused") else now
        changes = {
            "id": row or occurrence.run, "result": result, "because": because,
            "steps": history.text_of([{"at": history.stamp(now), **step} for step in steps]),
            "todo": None if todo is None else TODO.dump_json(todo, by_alias=True).decode(),
            "waited_seq": None if todo is None else occurrence.opv.history_seq if waited is None else waited,
            "rechecks": rechecks, "finished_at": over, "due_at": due_at, "lease": None, "attempts": 0,
        }  # fmt: skip
        if row is not None:
            self.ended.append(changes)
            return result
        self.batch.rows["automation_runs"].append(
            {
                **changes, "automation": occurrence.automation, "opportunity_id": occurrence.opv.id,
                "occurrence": occurrence.name, "at": now, "trigger": occurrence.trigger, "seq": occurrence.seq,
                "stage": occurrence.stage, "chain": ",".join(occurrence.cause.chain), "asked_by": occurrence.asked_by,
            }
        )  # fmt: skip
        return result

    def _tried(self, place: str, action: Action, occurrence: Occurrence, before: int) -> Done:
        """Does the action, the run's next after `before` steps. A bug ends the batch, which is then done anew without
        the action that met it."""
        run = (occurrence.automation, occurrence.opv.id, occurrence.name)
        if (bug := self.broken.get(run)) is not None and bug[0] == before:
            raise _Bug(bug[1])
        try:
            return self._do(place, action, occurrence)
        except (PorteiroError, SQLAlchemyError, Broken, _Bug):
            raise
        except Exception as error:
            raise Broken(run, (before, fingerprint(error))) from error

    def _do(self, place: str, action: Action, occurrence: Occurrence) -> Done:
        if isinstance(action, Run):
            return self._run(place, action.run, occurrence)
        opv = occurrence.opv
        captures = self.captures.get(opv.id, ())
        doing = Doing(occurrence, self.batch, place, self.facts(opv), captures, self.waiting, self.off_list)
        return PERFORM[type(action)](action, doing)

    def _run(self, place: str, key: str, occurrence: Occurrence) -> Done:
        """Another automation, in the same unit of work; what it waits for, this one does not."""
        checked = self.batch.house.automations.get(key)
        if checked is None:
            return {"result": "skipped", "reason": "not_active", "because": f"{key} is not active", "automation": key}
        if key not in self.states:
            self.states.update(states.load(self.tx, [checked]))
        opv, cause = occurrence.opv, occurrence.cause
        called = Occurrence(
            self.tx, key, opv, f"run:{occurrence.automation}:{occurrence.name}:{place}",
            Cause(f"automation:{key}", cause.depth + 1, (*cause.chain, key)[-CHAIN:]),
            "run", opv.history_seq, opv.stage,
        )  # fmt: skip
        result = self.begin(checked, called, self.facts(opv))
        return {"result": "done", "automation": key, "run": str(called.run), "came": result}

    def _wait(
        self,
        checked: CheckedAutomation,
        occurrence: Occurrence,
        action: Wait,
        todo: Todo,
        steps: list[Done],
        row: UUID | None,
    ) -> str:
        """Leaves the wait itself in the row, so that what it asks for is known when the time is over."""
        options = action.wait if isinstance(action.wait, WaitOptions) else None
        text = options.for_ if options else str(action.wait)
        due_at = self.batch.house.duty.company.add(self.batch.now, Duration.parse(text))
        steps.append({"action": "wait", "result": "waiting", "until": history.stamp(due_at)})
        holds = self._holds(checked, occurrence)
        return self.record(occurrence, "waiting", None, steps, todo=todo, due_at=due_at, rechecks=holds, row=row)

    def _holds(self, checked: CheckedAutomation, occurrence: Occurrence) -> bool:
        """Whether the condition holds of what is so now: then it must hold again when the run goes on."""
        return checked.when.test(self.facts(occurrence.opv)).holds

    def _cut(self, occurrence: Occurrence) -> str:
        """Ends a loop, naming the automations that made it."""
        chain = " → ".join(occurrence.cause.chain[-4:])
        self.warnings.append(f"automation loop cut: {chain}")
        return self.record(occurrence, "cut", f"loop: {chain}")


class _Bug(Exception):
    """A bug that ended a run, told again when the batch is done anew."""

    reason = "bug"


def open_round(
    tx: Connection,
    house: House,
    now: datetime,
    opvs: Iterable[UUID],
    checked: Iterable[CheckedAutomation],
    broken: Bugs,
) -> Round:
    """A round over OPVs, locked."""
    batch = Batch(house, now)
    wanted = set(opvs)
    statement, keys = states.statement_of(list(checked))
    found, captures, rows = run_all(tx, (OPVS, {"ids": wanted}), (CAPTURES, {"opvs": wanted}), (statement, keys))
    batch.opvs = opvs_by_id(found)
    return Round(tx, batch, by_opv(captures), states.read(rows), broken)


def rounds(begin: Callable[[Bugs], Round], work: Callable[[Round], None]) -> Round:
    """Works a round. A run that meets a bug fails alone: the others are done anew without what it left in memory, of
    which nothing was written."""
    broken: dict[RunName, Bug] = {}
    while True:
        round_ = begin(broken)
        try:
            work(round_)
        except Broken as error:
            if error.run in broken:
                raise
            broken[error.run] = error.bug
            log.error("automation %s met a bug: %s", error.run[0], error.bug[1])  # noqa: TRY400 - no message
        else:
            return round_


def write(round_: Round) -> set[str]:
    """Writes what the round did; gives the steps to wake."""
    tx = round_.tx
    for warning in round_.warnings:
        log.warning("%s", warning)
    round_.batch.write(tx)
    update_rows(tx, _RUNS, ("id",), round_.ended)
    troubles = _cut_loops(round_) + paused_troubles(states.write(tx, round_.states, round_.batch.now))
    if round_.off_list:
        _OFF_LIST.send(tx, opvs=round_.off_list)
    put_on_list(tx, round_.batch, round_.waiting)
    told = raise_alarms(tx, troubles, round_.batch.house, round_.batch.now, renew=False)
    return round_.batch.woken | ({"outbound"} if told else set())


def _cut_loops(round_: Round) -> list[Trouble]:
    cut = [row for row in round_.batch.rows["automation_runs"] if row["result"] == "cut"]
    return [cut_trouble(key, because) for key, because in {row["automation"]: row["because"] for row in cut}.items()]


def _because(said: str) -> Done:
    return {"because": said} if said else {}

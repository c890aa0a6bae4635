"""Whatever order things happen in, whatever dies between any two steps and however often a sweep comes: each
occurrence's actions are done once, in order, and no stage is reached that the funnel does not allow."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from db.claim import claim
from opv.actions import comment, move_stage, reopen, withdraw
from opv.step import Runner
from schemas.errors import Reject
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, Pipeline, lead

ALLOWED = {"new": {"contacted", "lost"}, "contacted": {"visit", "new"}, "visit": {"contacted"}, "lost": {"new"}}
"""Where each stage lets an OPV go."""

RULES = """
withdrawal_reasons: [{key: price, name: Preço, automatic: true}]
company: {timezone: America/Sao_Paulo, holidays: BR-SP}
automations:
  - {key: greet, on: opv.created, do: [{comment: a}, {wait: 2 business hours}, {comment: b}, {advance: contacted}]}
  - {key: push, on: opv.assigned, do: [{move: visit}, {comment: c}]}
  - {key: dull, on: {in_stage: contacted, for: 1 business day}, do: [{redistribute: {}}, {notify: manager}]}
  - {key: moved, on: stage.changed, do: [
      {branch: {if: {stage: visit}, then: [{comment: d}, {wait: 1 hour}, {run: sub}], else: [{run: sub}]}},
      {comment: e}]}
  - {key: sub, on: {called: true}, do: [{comment: f}, {wait: {for: 30 minutes, if: {stage: contacted}}}, {move: new}]}
  - {key: slow, on: comment.added, rate: {max: 3, per: 1 hour}, when: {stage: new}, do: [{comment: g}]}
"""


def _funnel() -> str:
    stages = ", ".join(
        f"{{key: {key}, name: {key.title()}, allow: [{', '.join(sorted(to))}]}}" for key, to in ALLOWED.items()
    )
    return f"funnel: {{stages: [{stages}]}}\n"


CONFIGURATION = "".join(
    _funnel() if line.startswith("funnel:") else f"{line}\n" for line in (HOUSE + RULES).strip().splitlines()
)

STEPS = ("ingest", "distribution", "automation", "outbound")


class AnyOrder(RuleBasedStateMachine):
    """A house on SQLite; each step of the machine is something that happens to it."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "porteiro.db")
        self.house = Pipeline(f"sqlite:///{self.folder / 'porteiro.db'}", CONFIGURATION)
        self.leads = 0

    def teardown(self) -> None:
        self.house.run()
        self.check()
        for _ in range(40):
            self.house.clock.forward(hours=12)
            self.house.run()
        self.check()
        assert not [run for run in self.house.runs() if run.result == "waiting"]
        self.house.close()
        shutil.rmtree(self.folder)

    @rule()
    def a_lead_comes(self) -> None:
        self.leads += 1
        self.house.deliver("site", lead(self.leads % 4))

    @rule(minutes=st.sampled_from([1, 30, 61, 300, 1500, 4400]))
    def time_passes(self, minutes: int) -> None:
        self.house.clock.forward(minutes=minutes)

    @rule(step=st.sampled_from(STEPS), position=st.integers(0, 2), doubled=st.booleans())
    def a_round(self, step: str, position: int, doubled: bool) -> None:
        rounds = self.house.steps._rounds[step]
        for _ in range(1 + doubled):
            rounds[position % len(rounds)].round()

    @rule(
        step=st.sampled_from(["ingest", "automation", "distribution"]), position=st.integers(0, 2), late=st.booleans()
    )
    def a_worker_dies(self, step: str, position: int, late: bool) -> None:
        """After it took rows; `late`: after it did all of their work, before the commit."""
        rounds = self.house.steps._rounds[step]
        dying: Any = rounds[position % len(rounds)]
        if not isinstance(dying, Runner):
            return
        work, now = dying._step, self.house.clock()
        with self.house.database.write() as tx:
            taken = claim(tx, work.work_list, now, tried=False)
        if taken is not None and late:
            with self.house.database.write() as tx:
                work.work(tx, taken.ids, taken.token, self.house.house(), now)
                tx.rollback()

    @rule()
    def all_is_done(self) -> None:
        self.house.run()

    @precondition(lambda self: self.house.opvs())
    @rule(data=st.data(), stage=st.sampled_from(sorted(ALLOWED)))
    def a_person_moves(self, data: Any, stage: str) -> None:
        self._act(data, lambda at: move_stage(at, stage))

    @precondition(lambda self: self.house.opvs())
    @rule(data=st.data(), deed=st.sampled_from(["comment", "close", "reopen"]))
    def a_person_acts(self, data: Any, deed: str) -> None:
        deeds = {"comment": lambda at: comment(at, "oi"), "close": lambda at: withdraw(at, "price"), "reopen": reopen}
        self._act(data, deeds[deed])

    def _act(self, data: Any, deed: Any) -> None:
        opv = data.draw(st.sampled_from(self.house.opvs())).id
        with suppress(Reject):
            do(self.house, "rui", opv, deed)

    @invariant()
    def nothing_is_given_up(self) -> None:
        for table in ("pending_events", "timers"):
            assert all(row.due_at is not None for row in self.house.rows(table))

    def check(self) -> None:
        """What runs say they did is what the history tells, once and in order; moves are allowed ones."""
        told: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for entry in self.house.rows("history_entries"):
            data = json.loads(entry.data)
            if entry.kind == "stage.changed":
                assert data["to"] in ALLOWED[data["from"]]
            if "run" in data:
                told[data["run"]].append((entry.seq, entry.kind))
        runs = self.house.runs()
        names = Counter((run.automation, run.opportunity_id, run.occurrence) for run in runs)
        assert set(names.values()) <= {1}
        for run in runs:
            steps = json.loads(run.steps)
            seqs = [step["seq"] for step in steps if "seq" in step]
            notices = [step for step in steps if step["action"] == "notify" and step["result"] == "done"]
            made = told.pop(str(run.id), [])
            assert seqs == sorted(seqs)
            assert [seq for seq, kind in made if kind != "notice.queued"] == seqs
            assert len(made) == len(seqs) + sum(len(step["to"]) for step in notices)
            assert (run.result == "waiting") == (run.due_at is not None)
        assert not told


def test_any_order(migrated_sqlite: Path) -> None:
    AnyOrder.template = migrated_sqlite
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )

"""How automations do, what their runs did, and what they would do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from schemas.opv_actions import Body, Line
from schemas.page import Paging, Since


class RunFilters(Paging):
    """What a list of automation runs is narrowed to. `opv` is an id or a number; `trigger`: the kind of the entry that
    triggered it, or `timer`, `cron`, `run`, `hand`."""

    opv: str | None = None
    automation: str | None = None
    result: str | None = None
    trigger: str | None = None
    since: Since | None = None


class RunItem(BaseModel):
    """What one occurrence of an automation did. `seq`: the OPV's entry that triggered it; `because`: the part of the
    condition that failed, or what stopped the run; `steps`: what each action did, when and with which entry; `left`:
    actions that are still to be done, of a run that waits until `due_at`, is paused or failed."""

    id: UUID
    automation: str
    opv: UUID
    number: int | None
    occurrence: str
    trigger: str | None
    seq: int | None
    stage: str | None
    at: datetime
    asked_by: str | None
    result: str
    because: str | None
    steps: Any
    left: list[Any]
    due_at: datetime | None
    finished_at: datetime | None


class RunEntry(BaseModel):
    """An entry of the OPV's history that a run made."""

    seq: int
    at: datetime
    kind: str


class RunDetail(RunItem):
    """A run with the entries that it made."""

    entries: list[RunEntry]


class PausedItem(BaseModel):
    """Since when an automation does nothing, who said so (`system`: it paused itself) and why."""

    at: datetime
    by: str | None
    because: str | None


class AutomationItem(BaseModel):
    """An automation and how it does. `failures`: runs in a row that failed; `runs_24h`: runs of 24 hours by result;
    `waiting`: runs that wait."""

    key: str
    name: str | None
    trigger: str
    active: bool
    paused: PausedItem | None
    failures: int
    failed_at: datetime | None
    runs_24h: dict[str, int]
    waiting: int
    last_run_at: datetime | None


class AutomationDetail(AutomationItem):
    """An automation with what the configuration says of it, and its last runs."""

    configured: dict[str, Any]
    runs: list[RunItem]


class PauseBody(Body):
    """Why an automation is paused."""

    because: Line


class ResumeBody(Body):
    """Whether what was triggered during the pause is done now."""

    missed: bool = False


class OpvBody(Body):
    """Which OPV: an id or a number."""

    opv: Annotated[str, Field(max_length=40)] | int


class BacktestBody(Body):
    """How far back: as `30 days`, or from which time on."""

    since: Annotated[str, Field(max_length=40)] = "30 days"


class ResumedItem(BaseModel):
    """An automation that goes on. `missed`: runs of the pause that go on with it, `left`: those that stay paused."""

    key: str
    missed: int
    left: int


class DryRun(BaseModel):
    """What an automation would do to an OPV now; nothing was done. `result` as of a run; `steps`: what each action
    would do, those after a wait as if nothing changed meanwhile; `left`: actions that would not be come to."""

    automation: str
    opv: UUID
    number: int
    holds: bool
    result: str
    because: str | None
    steps: list[dict[str, Any]]
    left: list[Any]
    paused: bool


class ActionTally(BaseModel):
    """How often an action would have been done, and how often not, by the code of the reason."""

    action: str
    done: int
    skipped: dict[str, int]
    failed: dict[str, int]


class BacktestSample(BaseModel):
    """One time that the automation would have run."""

    opv: UUID
    number: int
    at: datetime
    result: str
    steps: list[str]


class Backtest(BaseModel):
    """What an automation would have done to the past. `fired`: how often it would have been triggered, of which its
    condition `held`; `not_met`: the others, by the fact that failed. `as_of_now`: facts of the condition of which only
    today's value is known. `samples`: the last ten."""

    automation: str
    since: datetime
    until: datetime
    fired: int
    held: int
    not_met: dict[str, int]
    results: dict[str, int]
    actions: list[ActionTally]
    as_of_now: list[str]
    samples: list[BacktestSample]

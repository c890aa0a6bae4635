"""How automations do: which are paused, which failed how often in a row, and whose rate lets how many runs begin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from db.bulk import add_new, update_rows
from db.models import Base
from db.statement import Statement
from opv.automation.triggers import CheckedAutomation
from schemas.duration import Duration

STATES = Base.metadata.tables["automation_states"]

SYSTEM = "system"
"""Who paused an automation that paused itself."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when an automation is active that was so before this was kept."""


@dataclass(slots=True)
class State:
    """An automation's row as it was read, and what a batch of runs did: `failed` counts those that failed since the
    last good one, `succeeded` says whether there was a good one. One that has no row yet is well."""

    key: str
    paused_at: datetime | None = None
    failures: int = 0
    window_at: datetime | None = None
    window_runs: int = 0
    because: str | None = None
    pause_after: int = 0
    failed: int = 0
    succeeded: bool = False
    counted: bool = False

    def succeed(self) -> None:
        """A run was done: those that failed before it were not in a row with what fails later."""
        self.failed, self.succeeded = 0, True

    def fail(self, checked: CheckedAutomation, reason: str, now: datetime) -> None:
        """A run failed. After as many in a row as the automation says, it is paused."""
        self.failed += 1
        self.pause_after = checked.written.pause_after if checked.written else 0
        self.because = reason
        if self._too_many(0 if self.succeeded else self.failures):
            self.paused_at = now

    def begin(self, checked: CheckedAutomation, now: datetime) -> datetime:
        """When a run that was triggered now may begin. Each run takes a place in the windows of the rate, in turn; what
        has its place in a later window begins then."""
        if checked.rate is None:
            return now
        span, most = Duration.parse(checked.rate.per).span, checked.rate.max
        if self.window_at is None:
            self.window_at, self.window_runs = now, 0
        passed = max(0, (now - self.window_at) // span)
        self.window_at += passed * span
        self.window_runs = max(0, self.window_runs - passed * most)
        begins = self.window_at + self.window_runs // most * span
        self.window_runs, self.counted = self.window_runs + 1, True
        return max(begins, now)

    def changes(self, row: Any, now: datetime) -> dict[str, Any]:
        """The row as it is from now on, after what others did to it meanwhile."""
        before = 0 if self.succeeded else row.failures
        changed: dict[str, Any] = {
            "key": self.key, "failures": before + self.failed, "failed_at": now if self.failed else row.failed_at,
            "paused_at": row.paused_at, "paused_by": row.paused_by, "because": row.because,
            "window_at": self.window_at if self.counted else row.window_at,
            "window_runs": self.window_runs if self.counted else row.window_runs,
        }  # fmt: skip
        if row.paused_at is None and self.failed and self._too_many(before):
            because = f"{before + self.failed} runs in a row failed, the last: {self.because}"
            changed |= {"paused_at": now, "paused_by": SYSTEM, "because": because}
        return changed

    @property
    def changed(self) -> bool:
        """Whether the row is to be written."""
        return bool(self.failed or self.counted or (self.succeeded and self.failures))

    def _too_many(self, before: int) -> bool:
        return bool(self.pause_after) and before + self.failed >= self.pause_after


_READ = ("key", "paused_at", "failures", "window_at", "window_runs")

OF = Statement(lambda one_of: select(*(STATES.c[name] for name in _READ)).where(one_of(STATES.c.key, "keys")))
"""The rows of the automations `keys`."""

LOCKED = Statement(
    lambda one_of: (
        select(*STATES.c).where(one_of(STATES.c.key, "keys")).order_by(STATES.c.key).with_for_update(key_share=True)
    )
)
"""The same, whole and locked, in order."""


def statement_of(checked: Collection[CheckedAutomation]) -> tuple[Statement, dict[str, Any]]:
    """What reads the states of the automations: locked when one of them has a rate, so that its places are given in
    turn."""
    keys = {one.key for one in checked if one.written is not None}
    return (LOCKED if any(one.rate is not None for one in checked) else OF), {"keys": keys}


def read(rows: Iterable[Any]) -> dict[str, State]:
    """States by key, out of the rows of `statement_of`."""
    return {row.key: State(*(getattr(row, name) for name in _READ)) for row in rows}


def load(tx: Connection, checked: Collection[CheckedAutomation]) -> dict[str, State]:
    """The states of automations, by key."""
    statement, values = statement_of(checked)
    return read(statement.rows(tx, **values)) if values["keys"] else {}


def write(tx: Connection, states: Mapping[str, State], now: datetime) -> dict[str, str]:
    """Writes those that changed, under lock, in order of their keys; gives those that are paused by it, and why."""
    changed = {key: states[key] for key in sorted(states) if states[key].changed}
    if not changed:
        return {}
    begun = [{"key": key, "activated_at": LONG_AGO} for key in changed]
    add_new(tx, STATES, begun, ("key",))
    rows = LOCKED.rows(tx, keys=list(changed))
    changes = [changed[row.key].changes(row, now) for row in rows]
    update_rows(tx, STATES, ("key",), changes)
    was = {row.key for row in rows if row.paused_at is not None}
    return {one["key"]: one["because"] for one in changes if one["paused_at"] is not None and one["key"] not in was}

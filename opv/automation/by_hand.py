"""What people do to automations: pause them, let them go on, have one run on an OPV, have a run tried again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, true

from db.bulk import add_new, update_rows
from db.ids import new_id
from db.models import Base
from db.queries import automations as stored
from db.queries import opvs
from opv.access import Viewer, may_operate
from opv.automation.actions.doing import Occurrence
from opv.automation.run import Bugs, Round, open_round, rounds, write
from opv.automation.states import LOCKED, LONG_AGO, STATES, read
from opv.automation.triggers import CheckedAutomation
from opv.automation.waits import go_on
from opv.batch import Cause
from opv.house import House
from schemas.automations import PausedItem
from schemas.errors import Reject

_RUNS = Base.metadata.tables["automation_runs"]

CHUNK = 200
"""Runs of one unit of work."""

_NONE = "[]"
"""Steps of a run that has not begun."""


@dataclass(slots=True)
class Ran:
    """What came of runs: their ids, how many ended with which result, and the steps to wake after the commit."""

    ids: list[UUID] = field(default_factory=list)
    results: Counter[str] = field(default_factory=Counter)
    woken: set[str] = field(default_factory=set)


def written(house: House, key: str) -> CheckedAutomation:
    """The active automation. Raises `Reject`: `unknown_automation` (404), `automation_inactive` (409)."""
    checked = house.automations.get(key)
    if checked is not None and checked.written is not None:
        return checked
    if any(one.key == key for one in house.configuration.automations):
        raise Reject("automation_inactive", f"automation {key} is not active", 409)
    raise Reject("unknown_automation", f"there is no automation {key}", 404)


def pause(tx: Connection, house: House, viewer: Viewer, now: datetime, key: str, because: str) -> PausedItem:
    """Pauses the automation; one that is paused stays so since then. What triggers it meanwhile is kept as runs that
    are paused; so are runs that wait, when their time comes.

    Raises `Reject`: `not_allowed` (403), and as `written`."""
    require_operator(viewer)
    row = _locked(tx, written(house, key).key)
    if row.paused_at is not None:
        return PausedItem(at=row.paused_at, by=row.paused_by, because=row.because)
    stored.set_paused(tx, key, now, viewer.person, because)
    return PausedItem(at=now, by=viewer.person, because=because)


def resume(tx: Connection, house: House, viewer: Viewer, key: str) -> None:
    """Lets the automation go on; runs of the pause stay as they are. Raises as `pause` does."""
    require_operator(viewer)
    _locked(tx, written(house, key).key)
    stored.set_paused(tx, key, None, None, None)


def resume_missed(
    tx: Connection, house: House, viewer: Viewer, now: datetime, key: str, after: UUID | None
) -> tuple[int, UUID | None]:
    """Makes runs of the automation that are paused wait instead, due now, or when its rate lets them begin: the oldest
    after the run `after`, as many as one unit of work takes. Gives how many, and the last of them; None at the end.
    Raises as `pause` does."""
    require_operator(viewer)
    checked = written(house, key)
    state = read([_locked(tx, key)])[key]
    found = stored.paused_runs(tx, key, after, CHUNK)
    changes = []
    for row in found:
        due_at = now if row.steps != _NONE else state.begin(checked, now)
        changes.append(
            {"id": row.id, "result": "waiting", "because": None, "due_at": due_at, "lease": None, "attempts": 0}
        )
    update_rows(tx, _RUNS, ("id",), changes)
    if state.counted:
        counts = {"key": key, "window_at": state.window_at, "window_runs": state.window_runs}
        update_rows(tx, STATES, ("key",), [counts])
    return len(found), found[-1].id if found else None


def run(tx: Connection, house: House, viewer: Viewer, now: datetime, key: str, ident: str) -> Ran:
    """Has the automation run on the OPV of this id or number now, whatever its trigger is, and though it is paused; its
    condition is tested.

    Raises `Reject`: `unknown_opv` (404), and as `pause`."""
    require_operator(viewer)
    checked = written(house, key)
    opv = found_opv(tx, ident)
    name, ran = f"hand:{new_id()}", Ran()

    def work(round_: Round) -> None:
        occurrence = by_hand(round_, checked, opv, name, viewer.person)
        ran.ids = [occurrence.run]
        ran.results = Counter([round_.begin(checked, occurrence, round_.facts(occurrence.opv))])

    ran.woken = write(rounds(lambda broken: open_round(tx, house, now, [opv], [checked], broken), work))
    return ran


def by_hand(round_: Round, checked: CheckedAutomation, opv: UUID, name: str, person: str) -> Occurrence:
    """An occurrence that a person asks for."""
    found, cause = round_.batch.opvs[opv], Cause(f"automation:{checked.key}", 1, (checked.key,))
    return Occurrence(
        round_.tx, checked.key, found, name, cause, "hand", found.history_seq, found.stage, asked_by=person
    )  # fmt: skip


def retry(tx: Connection, house: House, viewer: Viewer, now: datetime, ident: UUID) -> Ran:
    """Tries a run again that failed or is paused, from the action on that it did not do, with the keys that what goes
    outside had before.

    Raises `Reject`: `unknown_run` (404), `not_failed`, `automation_inactive` (409), `not_allowed` (403)."""
    require_operator(viewer)
    rows = stored.locked_runs(tx, [ident])
    if not rows:
        raise Reject("unknown_run", "there is no such run", 404)
    if rows[0].result not in (stored.FAILED, stored.PAUSED):
        raise Reject("not_failed", f"only a run that failed or is paused is tried again; it is {rows[0].result}", 409)
    written(house, rows[0].automation)
    return _again(tx, house, viewer, now, rows)


def retry_some(
    tx: Connection, house: House, viewer: Viewer, now: datetime, key: str, idents: Sequence[UUID]
) -> Ran:  # fmt: skip
    """The same of those of the automation's runs that failed, in the order of the runs. Raises as `pause` does."""
    require_operator(viewer)
    written(house, key)
    rows = [row for row in stored.locked_runs(tx, idents) if (row.automation, row.result) == (key, stored.FAILED)]
    return _again(tx, house, viewer, now, rows)


def _again(tx: Connection, house: House, viewer: Viewer, now: datetime, rows: Sequence[Any]) -> Ran:
    checked = [house.automations[key] for key in {row.automation for row in rows}]
    opvs_, ran = {row.opportunity_id for row in rows}, Ran([row.id for row in rows])

    def begin(broken: Bugs) -> Round:
        return open_round(tx, house, now, opvs_, checked, broken)

    def work(round_: Round) -> None:
        ran.results = Counter(go_on(round_, row, 0, again=viewer.person) for row in rows)

    if rows:
        ran.woken = write(rounds(begin, work))
    return ran


def found_opv(tx: Connection, ident: str) -> UUID:
    """The OPV of this id or number. Raises `Reject`: `unknown_opv` (404)."""
    found = opvs.find(tx, true(), ident)
    if found is None:
        raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
    return found


def _locked(tx: Connection, key: str) -> Any:
    """The automation's state, locked."""
    add_new(tx, STATES, [{"key": key, "activated_at": LONG_AGO}], ("key",))
    return LOCKED.rows(tx, keys=[key])[0]


def require_operator(viewer: Viewer | None) -> None:
    """Raises `Reject` (403) unless the viewer may operate automations; None is the command line."""
    if viewer is not None and not may_operate(viewer):
        raise Reject("not_allowed", "directors and operations do this, others not", 403)

"""Automations that run when an OPV was in a status of its stage for a time."""

from __future__ import annotations

from datetime import timedelta

from opv.actions import move_stage
from tests.opv.automation.told import automated, begun, due, later, ran, tell
from tests.opv.test_actions import do
from tests.pipeline import NOW, Start

STATUSES = "statuses: [{key: open, name: Aberta}, {key: waiting, name: Espera}]"


def waiting(stage: str, status: str) -> str:
    text = automated(
        f"{{key: stuck, on: {{in_stage: {stage}, status: {status}, for: 2 hours}}, do: [{{notify: ana}}]}}"
    )
    return text.replace(f"{{key: {stage}, name:", f"{{key: {stage}, {STATUSES}, name:", 1)


WAITING = waiting("visit", "waiting")


def test_it_counts_from_the_status_and_anew_after_it_was_left(start: Start) -> None:
    house, opv = begun(start, WAITING)
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    assert due(house) == []
    tell(house, opv, "status.changed", stage="visit", to="waiting")
    later(house, hours=1)
    tell(house, opv, "status.changed", stage="visit", to="open", **{"from": "waiting"})
    tell(house, opv, "status.changed", stage="visit", to="waiting", **{"from": "open"})
    later(house, hours=2, seconds=-1)
    assert ran(house) == []
    later(house, seconds=1)
    later(house, days=9)
    assert ran(house) == [("stuck", "timer:7", "done")]


def test_a_status_that_was_left_is_not_waited_for(start: Start) -> None:
    house, opv = begun(start, WAITING)
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    tell(house, opv, "status.changed", stage="visit", to="waiting")
    tell(house, opv, "status.changed", stage="visit", to="open")
    later(house, hours=2)
    assert ran(house) == due(house) == []
    tell(house, opv, "status.changed", stage="visit", to="waiting")
    do(house, "ana", opv, lambda at: move_stage(at, "new"))
    later(house, hours=2)
    assert ran(house) == due(house) == []


def test_who_enters_the_stage_with_the_status_is_counted_from_there(start: Start) -> None:
    house, opv = begun(start, waiting("new", "open"))
    house.clock.forward(hours=1)
    do(house, "ana", opv, lambda at: move_stage(at, "contacted"))
    do(house, "ana", opv, lambda at: move_stage(at, "new"))
    assert due(house)[-1] == NOW + timedelta(hours=3)
    later(house, hours=2, seconds=-1)
    assert ran(house) == []
    later(house, seconds=1)
    assert ran(house) == [("stuck", "timer:5", "done")]

"""Automations that run when something of an OPV changes: from what, to what, and only when it does."""

from __future__ import annotations

import pytest

from opv.actions import move_stage, transfer
from opv.automation.triggers import compiled
from schemas.config import Automation
from tests.opv.automation.told import automated, begun, tell
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, Pipeline, Start

TWO_TEAMS = HOUSE.replace(
    "teams: [{key: sul, name: Equipe Sul, managers: [{person: paula, brokers: [ana, bia]}]}]",
    "teams: [{key: sul, name: Sul, managers: [{person: paula, brokers: [ana, bia]}, {person: marta, brokers: [ana]}]},"
    " {key: norte, name: Norte, managers: [{person: marta, brokers: [bia]}]}]",
)
CHANGED = automated(
    "{key: broker, on: {changed: broker}, do: [{notify: rui}]}",
    "{key: manager, on: {changed: manager}, do: [{notify: rui}]}",
    "{key: team, on: {changed: team}, do: [{notify: rui}]}",
    "{key: from-ana, on: {changed: broker, from: ana}, do: [{notify: rui}]}",
    "{key: to-bia, on: {changed: broker, to: [bia]}, do: [{notify: rui}]}",
).replace(HOUSE, TWO_TEAMS)


def changed(house: Pipeline) -> set[str]:
    """What ran since this was asked."""
    house.run()
    found = {run.automation for run in house.runs()}
    assert {run.result for run in house.runs()} <= {"done"}
    house.execute("DELETE FROM automation_runs")
    return found


def test_who_has_an_opv(start: Start) -> None:
    house, opv = begun(start, CHANGED)
    assert changed(house) == {"broker", "manager", "team"}  # from nobody
    do(house, "rui", opv, lambda at: transfer(at, "x", broker="ana", team="sul", manager="marta"))
    assert changed(house) == {"manager"}
    do(house, "rui", opv, lambda at: transfer(at, "x", broker="bia", team="norte"))
    assert changed(house) == {"broker", "team", "from-ana", "to-bia"}
    do(house, "rui", opv, lambda at: transfer(at, "x", team="norte"))
    assert changed(house) == {"broker"}  # to nobody


def test_a_pool_takes_it_from_all(start: Start) -> None:
    house, opv = begun(start, CHANGED + "  - {key: lie, on: comment.added, do: [{pool: any}]}\n")
    changed(house)
    tell(house, opv, "comment.added")
    assert changed(house) == {"lie", "broker", "manager", "team", "from-ana"}
    assert dict(house.history(opv))["opv.pooled"].items() >= {
        ("previous", "ana"), ("previous_manager", "paula"), ("previous_team", "sul"),
    }  # fmt: skip


def test_a_search_that_finds_nobody_changes_nothing(start_on_sqlite: Start) -> None:
    text = CHANGED.replace(TWO_TEAMS, HOUSE.replace("brokers: [ana, bia]", "brokers: [ana]"))
    house, opv = begun(start_on_sqlite, text + "  - {key: again, on: comment.added, do: [{redistribute: {}}]}\n")
    changed(house)
    tell(house, opv, "comment.added")
    assert changed(house) == {"again"}
    assert house.undistributed() == {opv: "all_left_out"}


def test_stage_status_and_fields(start: Start) -> None:
    text = automated(
        "{key: stage, on: {changed: stage, from: new, to: [contacted, visit]}, do: [{notify: rui}]}",
        "{key: status, on: {changed: status, to: waiting}, do: [{notify: rui}]}",
        "{key: income, on: {changed: income, from: até 5 mil}, do: [{notify: rui}]}",
        "{key: note, on: {changed: note}, do: [{notify: rui}]}",
        "{key: financed, on: {changed: financed, to: 'true'}, do: [{notify: rui}]}",
        more="""fields:
  - {key: income, name: Renda, kind: choice, options: [até 5 mil, mais]}
  - {key: note, name: Nota}
  - {key: financed, name: Financia, kind: yes_no}
""",
    ).replace(
        "{key: contacted, name: Em atendimento}",
        "{key: contacted, name: Em atendimento, statuses: [{key: open, name: Aberta}, {key: waiting, name: Espera}]}",
    )
    house, opv = begun(start, text)
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    assert changed(house) == {"stage"}
    do(house, "ana", opv, lambda at: move_stage(at, "contacted"))
    tell(house, opv, "status.changed", stage="contacted", to="open")
    tell(house, opv, "field.changed", field="income", to="até 5 mil")
    tell(house, opv, "field.changed", field="income", **{"from": "até 5 mil", "to": "até 5 mil"})
    tell(house, opv, "field.changed", field="financed", to=False)
    tell(house, opv, "field.changed", field="other", **{"from": "até 5 mil", "to": "mais"})
    assert changed(house) == set()
    tell(house, opv, "status.changed", stage="contacted", to="waiting", **{"from": "open"})
    tell(house, opv, "field.changed", field="income", **{"from": "Até 5 mil", "to": "mais"})
    tell(house, opv, "field.changed", field="financed", **{"from": False, "to": True})
    tell(house, opv, "field.changed", field="note")  # the text is in the content
    assert changed(house) == {"status", "income", "note", "financed"}


@pytest.mark.parametrize("what", ["broker", "manager", "team"])
def test_each_entry_that_tells_of_a_change_is_listened_to(what: str) -> None:
    one = Automation.model_validate({"key": "a", "on": {"changed": what}, "do": [{"notify": "broker"}]})
    assert set(compiled([one], [], {}).by_event) == {"opv.assigned", "opv.pooled"}

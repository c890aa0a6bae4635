"""`porteiro automations`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from porteiro.configuration.apply import apply
from schemas.config import Configuration
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import CONFIGURATION, NOW, Stored

AUTOMATION = {"key": "hello", "on": "opv.reopened", "when": {"stage": "new"}, "do": [{"comment": "Oi"}]}


@pytest.fixture
def house(stored: Stored) -> Stored:
    """A house with one automation and one OPV."""
    apply(
        stored.database, Configuration.model_validate({**CONFIGURATION, "automations": [AUTOMATION]}), by="rui", now=NOW
    )
    stored.opv(broker="ana", manager="paula")
    return stored


def as_json(run: Run, *command: object) -> Any:
    answer = run("automations", *command, "--json")
    assert answer.exit_code == 0, (command, answer.output, answer.exception)
    return json.loads(answer.stdout)


def test_an_automation_is_looked_at_run_and_paused(house: Stored, run: Run) -> None:
    assert "Nada foi gravado." in run("automations", "dry-run", "hello", "--opv", 1).stdout
    assert as_json(run, "dry-run", "hello", "--opv", 1)["holds"]
    assert as_json(run, "runs") == {"items": [], "next": None}
    assert (
        "Fatos no histórico: 1 comment.added" in run("automations", "run", "hello", "--opv", 1, "--as", "olga").stdout
    )
    (ran,) = as_json(run, "runs", "hello", "--opv", 1, "--trigger", "hand")["items"]
    assert (ran["result"], ran["asked_by"], ran["number"]) == ("done", "olga", 1)
    assert ran["id"] in run("opv", "history", 1).stdout
    pause = ("automations", "pause", "hello", "--because", "texto errado", "--as", "rui")
    assert run(*pause).stdout == "hello: paused by rui\n"
    (listed,) = as_json(run, "list")["items"]
    assert (listed["paused"]["by"], listed["trigger"]) == ("rui", "evento opv.reopened")
    for words in ("texto errado", "comment: Oi", "hand por olga"):
        assert words in run("automations", "show", "hello").stdout
    assert "texto errado" in run("automations", "list").stdout
    assert as_json(run, "resume", "hello", "--missed", "--as", "rui") == {"key": "hello", "missed": 0, "left": 0}
    assert as_json(run, "show", "hello")["paused"] is None
    assert "hand por olga" in run("automations", "runs").stdout
    assert "disparou 0 vezes" in run("automations", "backtest", "hello", "--since", "7d").stdout
    assert as_json(run, "backtest", "hello")["fired"] == 0
    refused = run("automations", "run", "hello", "--opv", 1, "--as", "paula").exception
    assert isinstance(refused, PorteiroError)
    assert refused.reason == "not_allowed"


def test_runs_that_failed_are_tried_again(house: Stored, run: Run) -> None:
    as_json(run, "run", "hello", "--opv", 1, "--as", "rui")
    (ran,) = as_json(run, "runs")["items"]
    failed = {"result": "failed", "todo": '[["0", {"comment": "Oi"}]]'}
    for command in (("retry", ran["id"]), ("retry", "--automation", "hello", "--since", "1d")):
        house.change("automation_runs", failed)
        as_json(run, *command, "--as", "rui")
        (ran,) = as_json(run, "runs")["items"]
        assert (ran["result"], ran["left"]) == ("done", [])
    assert run("automations", "retry", "--automation", "hello", "--as", "rui").stdout == "hello: no run failed\n"
    assert run("automations", "retry", "--as", "rui").exit_code == 2

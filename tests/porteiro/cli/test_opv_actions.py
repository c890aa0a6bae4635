"""`porteiro opv new|comment|contact|move|transfer|withdraw|reopen|win`: the actions in a person's name."""

from __future__ import annotations

import json

from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored


def test_an_opv_is_acted_on_in_a_persons_name(stored: Stored, run: Run) -> None:
    opv = stored.opv(broker="ana", manager="paula", team="sul")
    for command in (
        ("comment", 1, "Ligou", "--as", "ana"),
        ("contact", 1, "visit", "--place", "estande", "--as", "ana"),
        ("move", 1, "contacted", "--as", "ana"),
        ("transfer", 1, "--broker", "bia", "--reason", "férias", "--as", "paula"),
        ("withdraw", 1, "other", "--remarks", "mudou", "--as", "bia"),
        ("reopen", opv, "--as", "bia"),
        ("win", 1, "--value", "450000.50", "--unit", "101", "--date", "2026-01-05", "--as", "bia"),
    ):
        answer = run("opv", *command)
        assert answer.exit_code == 0, (command, answer.output, answer.exception)
    assert "OPV 1: won, stage contacted, broker bia" in answer.stdout
    shown = json.loads(run("opv", "show", 1, "--json").stdout)
    assert [(entry["kind"], entry["actor"]) for entry in shown["history"]] == [
        ("comment.added", "person:ana"),
        ("contact.added", "person:ana"),
        ("stage.changed", "person:ana"),
        ("opv.assigned", "person:paula"),
        ("opv.withdrawn", "person:bia"),
        ("opv.reopened", "person:bia"),
        ("opv.won", "person:bia"),
    ]


def test_a_lead_is_registered(stored: Stored, run: Run) -> None:
    typed = ("opv", "new", "--name", "Maria Exemplo", "--phone", "11 98000-0001", "--json", "--as")
    assert json.loads(run(*typed, "ana").stdout)["broker"] == "ana"
    assert "Cadastrada por" in run("opv", "show", 1).stdout
    assert _reason(run(*typed, "bia").exception) == "already_served"


def test_refusals_are_those_of_the_api(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana")
    for command, reason in (
        (("move", 1, "moon", "--as", "ana"), "unknown_stage"),
        (("move", 1, "contacted", "--as", "bia"), "unknown_opv"),
        (("move", 1, "contacted", "--as", "ivo"), "unknown_person"),
        (("transfer", 1, "--broker", "bia", "--reason", "x", "--as", "ana"), "not_allowed"),
    ):
        assert _reason(run("opv", *command).exception) == reason
    win = ("win", 1, "--unit", "101", "--date", "2026-01-05", "--as", "ana", "--value")
    assert run("opv", *win, "muito").exit_code == 2
    assert run("opv", "contact", 1, "fax", "--as", "ana").exit_code == 2
    assert run("opv", "comment", 1, " ", "--as", "ana").exit_code == 2


def _reason(error: BaseException | None) -> str:
    assert isinstance(error, PorteiroError)
    return error.reason

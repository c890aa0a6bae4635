"""`porteiro availability`, `queues`, `undistributed`, `offboard`, `opv invalid`, `client exclude`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from porteiro.configuration.apply import apply
from schemas.config import Configuration
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import CONFIGURATION, NOW, Stored


@pytest.fixture
def house(stored: Stored) -> Stored:
    """A house with one queue."""
    queues: dict[str, Any] = {"queues": [{"key": "roleta", "teams": ["sul"]}]}
    apply(stored.database, Configuration.model_validate({**CONFIGURATION, **queues}), by="rui", now=NOW)
    return stored


def as_json(run: Run, *command: object) -> Any:
    answer = run(*command, "--json")
    assert answer.exit_code == 0, (command, answer.output, answer.exception)
    return json.loads(answer.stdout)


def reason(run: Run, *command: object) -> str:
    answer = run(*command)
    assert isinstance(answer.exception, PorteiroError), answer.output
    return answer.exception.reason


def test_people_say_that_they_are_there_or_pause(house: Stored, run: Run) -> None:
    assert as_json(run, "availability", "available", "ana", "--as", "ana")["state"] == "available"
    until = "2031-05-02T09:00"
    assert run("availability", "pause", "bia", "--until", until, "--as", "paula").stdout == (
        "bia: paused until 02/05/2031 09:00:00\n"
    )
    table = run("availability", "list", "--as", "paula").stdout
    for words in ("disponível", "em pausa", "02/05/2031"):
        assert words in table
    assert run("availability", "clear", "ana", "--as", "ana").exit_code == 0
    listed = as_json(run, "availability", "list", "--as", "rui")["items"]
    assert {one["person"]: one["state"] for one in listed} == {"ana": None, "bia": "paused", "caio": None}
    assert reason(run, "availability", "pause", "caio", "--as", "ana") == "not_allowed"


def test_a_queue_is_paused_and_shown(house: Stored, run: Run) -> None:
    assert run("queues", "pause", "roleta", "--as", "olga").stdout == "roleta: paused by olga\n"
    assert "fila em pausa" in run("queues").stdout
    assert as_json(run, "queues", "resume", "roleta", "--as", "paula")["by"] is None
    (queue,) = as_json(run, "queues")["items"]
    assert (queue["next"], queue["paused"]) == ("ana", None)
    assert "próximo" in run("queues").stdout


def test_opvs_without_a_broker_are_given_out(house: Stored, run: Run) -> None:
    for _ in range(3):
        house.waits(house.opv(), "no_rule")
    assert "OPVs sem corretor: 3 (no_rule 3)" in run("undistributed", "--state", "waiting").stdout
    assign = ("undistributed", "assign", "--reason", "mutirão", "--as", "rui")
    assert as_json(run, *assign, 1, "--to", "ana")["given"] == 1
    told = run(*assign, 1, 2, 9, "--to", "ana").stdout
    assert "1 given, 1 were already, 1 refused" in told
    assert "unknown_opv" in told
    assert run(*assign, "--because", "no_rule", "--queue", "roleta").stdout == "1 given, 0 were already, 0 refused\n"
    (left,) = as_json(run, "undistributed")["items"]
    assert (left["rule"], left["asked_for"], left["reason"]) == ("roleta", True, "waiting")
    for wrong in (("--to", "ana"), ("--all",), ("--all", "--to", "ana", "--queue", "roleta")):
        assert run(*assign, *wrong).exit_code == 2


def test_who_leaves_hands_over_by_a_queue(house: Stored, run: Run) -> None:
    house.opv(broker="ivo", manager="paula", team="sul")
    leaves = ("offboard", "ivo", "--reason", "saiu", "--as", "rui")
    assert run(*leaves, "--by", "roleta").stdout == "ivo: 1 moved, 0 left\n"
    assert as_json(run, "undistributed")["items"] == [], "it stays with its broker until the queue has been asked"
    assert reason(run, *leaves, "--by", "nowhere") == "unknown_rule"
    assert run(*leaves, "--by", "roleta", "--to", "ana").exit_code == 2


def test_a_lead_is_reported_as_none(house: Stored, run: Run) -> None:
    house.opv(broker="ana", manager="paula", team="sul")
    told = run("opv", "invalid", 1, "--reason", "spam", "--as", "ana").stdout
    assert told.startswith("OPV 1: request ")
    assert told.endswith(" (invalid), open\n")
    assert "lead inválido" in run("opv", "requests", "--as", "paula").stdout
    assert run("opv", "invalid", 1, "--reason", "other", "--as", "ana").exit_code == 2


def test_a_broker_is_kept_from_a_client(house: Stored, run: Run) -> None:
    house.opv(broker="ana", manager="paula", team="sul")
    client = as_json(run, "opv", "clients", 1)["items"][0]["id"]
    assert run("client", "exclude", client, "bia", "--as", "paula").stdout == "excluded: bia\n"
    assert "bia" in run("client", "excluded", client, "--as", "ana").stdout
    assert as_json(run, "client", "allow", client, "bia", "--as", "paula")["items"] == []

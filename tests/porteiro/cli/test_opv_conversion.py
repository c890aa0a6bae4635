"""`porteiro opv transfer --part|share|ask-transfer|requests|answer|portfolio`, and `new` for a client of another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opv.conversion import portfolio
from porteiro.configuration.apply import apply
from schemas.config import Configuration
from schemas.errors import PorteiroError
from tests.opv.test_access import PRESALES
from tests.porteiro.cli.conftest import Run
from tests.stored import NOW, Stored


@pytest.fixture
def house(stored: Stored) -> Stored:
    """A house with pre-sales, in which one asks for what another serves."""
    asking = {**PRESALES, "registration": {"served": "request"}}
    apply(stored.database, Configuration.model_validate(asking), by="rui", now=NOW)
    return stored


def as_json(run: Run, *command: object) -> Any:
    answer = run("opv", *command, "--json")
    assert answer.exit_code == 0, (command, answer.output, answer.exception)
    return json.loads(answer.stdout)


def reason(run: Run, *command: object) -> str:
    answer = run("opv", *command)
    assert answer.exit_code != 0
    assert isinstance(answer.exception, PorteiroError), answer.output
    return answer.exception.reason


def test_parts_and_sharing(house: Stored, run: Run) -> None:
    house.opv(broker="ana", manager="paula", team="sul")
    to_pia = ("transfer", 1, "--part", "presales", "--broker", "pia", "--reason", "x", "--as")
    assert as_json(run, *to_pia, "paula")["presales_broker"] == "pia"
    assert as_json(run, "share", 1, "--with", "bia", "--reason", "plantão", "--as", "ana")["second_broker"] == "bia"
    shown = run("opv", "show", 1).stdout
    assert "sul / paula / pia" in shown
    assert "Segundo corretor" in shown
    assert as_json(run, "share", 1, "--end", "--reason", "chega", "--as", "ana")["second_broker"] is None
    assert reason(run, "share", 1, "--end", "--reason", "chega", "--as", "ana") == "not_shared"
    assert reason(run, *to_pia, "ana") == "not_allowed"
    for wrong in (("--with", "bia", "--end"), ()):
        assert run("opv", "share", 1, *wrong, "--reason", "x", "--as", "ana").exit_code == 2
    assert run("opv", "transfer", 1, "--part", "third", "--reason", "x", "--as", "rui").exit_code == 2


def test_a_transfer_is_asked_for_listed_and_answered(house: Stored, run: Run) -> None:
    house.opv(broker="ana", manager="paula", team="sul")
    asked = as_json(run, "ask-transfer", 1, "--broker", "bia", "--reason", "plantão", "--as", "ana")
    assert (asked["state"], asked["number"]) == ("open", 1)
    table = run("opv", "requests", "--as", "paula").stdout
    for words in ("transferência", "aberto", "plantão", "bia"):
        assert words in table
    assert as_json(run, "requests", "--as", "bia") == {"items": [], "next": None}
    assert reason(run, "answer", asked["id"], "--grant", "--as", "ana") == "not_allowed"
    assert run("opv", "answer", asked["id"], "--as", "paula").exit_code == 2, "an answer is a yes or a no"
    answer = run("opv", "answer", asked["id"], "--grant", "--reason", "ok", "--as", "paula")
    assert f"OPV 1: request {asked['id']} (transfer) for bia, granted" in answer.stdout
    assert as_json(run, "requests", "--state", "granted", "--as", "ana")["items"][0]["answer"] == "ok"
    assert as_json(run, "show", 1)["broker"] == "bia"
    assert reason(run, "answer", asked["id"], "--refuse", "--as", "paula") == "already_answered"


def test_a_client_of_another_is_asked_for_in_words(house: Stored, run: Run) -> None:
    typed = ("new", "--name", "Maria Exemplo", "--phone", "11 98000-0001", "--as")
    assert as_json(run, *typed, "ana")["broker"] == "ana"
    answer = run("opv", *typed, "caio")
    assert answer.exit_code == 0
    assert answer.stdout.startswith("another broker serves the client: request ")
    assert "(ownership) for caio, open" in answer.stdout
    (request,) = as_json(run, "requests", "--as", "caio")["items"]
    assert as_json(run, "answer", request["id"], "--grant", "--as", "rui")["state"] == "granted"
    shown = run("opv", "show", 1).stdout
    for words in ("Digitado", '"11 98000-0001"', "primeiro", "último"):
        assert words in shown


def test_a_portfolio_is_moved_whole(house: Stored, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        house.opv(broker="ivo", manager="paula", team="sul")
    monkeypatch.setattr(portfolio, "CHUNK", 2)
    answer = run("opv", "portfolio", "ivo", "--to", "bia", "--reason", "saiu", "--as", "paula")
    assert answer.stdout == "ivo: 5 moved, 0 left\n"
    moved = as_json(run, "portfolio", "bia", "--redistribute", "--reason", "saiu", "--as", "rui")
    assert moved == {"person": "bia", "moved": 5, "left": 0}
    assert as_json(run, "portfolio", "bia", "--redistribute", "--reason", "saiu", "--as", "rui")["moved"] == 0
    assert reason(run, "portfolio", "bia", "--to", "caio", "--reason", "x", "--as", "paula") == "not_allowed"
    assert reason(run, "portfolio", "nobody", "--to", "caio", "--reason", "x", "--as", "rui") == "unknown_person"
    assert run("opv", "portfolio", "bia", "--reason", "x", "--as", "rui").exit_code == 2

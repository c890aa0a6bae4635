"""`porteiro opv undo|withdraw|contact`: what they tell beyond the plain actions."""

from __future__ import annotations

import json

import pytest

from db.session import Database
from porteiro.configuration.apply import apply
from schemas.config import Configuration
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import CONFIGURATION, NOW, Stored


def reason(error: BaseException | None) -> str:
    assert isinstance(error, PorteiroError)
    return error.reason


def test_a_move_is_taken_back(stored: Stored, run: Run) -> None:
    run("opv", "new", "--name", "Maria Exemplo", "--phone", "11 98000-0001", "--as", "ana")
    run("opv", "move", 1, "contacted", "--as", "ana")
    assert reason(run("opv", "undo", 1, "--as", "paula").exception) == "not_your_move"
    assert "stage new" in run("opv", "undo", 1, "--as", "ana").stdout
    assert reason(run("opv", "undo", 1, "--as", "ana").exception) == "nothing_to_undo"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_statuses_within_stages_and_the_funnel_as_a_table(stored: Stored, run: Run) -> None:
    stages = [
        *CONFIGURATION["funnel"]["stages"],  # type: ignore[index] # read as plain YAML
        {
            "key": "visit",
            "name": "Visita",
            "locked": True,
            "statuses": [{"key": "a", "name": "A"}, {"key": "b", "name": "B"}],
        },
    ]
    changed = Configuration.model_validate({**CONFIGURATION, "funnel": {"stages": stages}})
    apply(stored.database, changed, by="rui", now=NOW)
    stored.opv(broker="ana")
    run("opv", "move", 1, "visit", "--as", "ana")
    assert run("opv", "status", 1, "b", "--as", "ana").exit_code == 0
    (listed,) = json.loads(run("opv", "list", "--stage-status", "b", "--json").stdout)["items"]
    assert (listed["stage"], listed["stage_status"]) == ("visit", "b")
    (funnel,) = json.loads(run("funnel", "--json").stdout)["items"]
    assert [(one["key"], one["open"]) for one in funnel["stages"]] == [("new", 0), ("contacted", 0), ("visit", 1)]
    assert "trancada" in run("funnel").stdout


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_withdrawal_with_its_sub_reason(stored: Stored, run: Run, database_url: str) -> None:
    reasons = [{"key": "price", "name": "Preço", "sub_reasons": [{"key": "rate", "name": "Juros"}]}]
    database = Database(database_url)
    changed = Configuration.model_validate({**CONFIGURATION, "withdrawal_reasons": reasons})
    apply(database, changed, by="rui", now=NOW)
    database.dispose()
    stored.opv(broker="ana")
    assert reason(run("opv", "withdraw", 1, "price", "--as", "ana").exception) == "sub_reason_missing"
    assert "lost" in run("opv", "withdraw", 1, "price", "--sub-reason", "rate", "--as", "ana").stdout


def test_a_contact_of_another_time(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana")
    visit = run("opv", "contact", 1, "visit", "--place", "estande", "--at", "2999-01-02T10:00", "--as", "ana")
    assert visit.exit_code == 0
    entry = json.loads(run("opv", "show", 1, "--json").stdout)["history"][-1]
    assert entry["data"]["at"] == "2999-01-02T13:00:00.000000+00:00"
    assert (
        reason(run("opv", "contact", 1, "call", "--at", "2999-01-02", "--as", "ana").exception) == "contact_in_future"
    )
    assert run("opv", "contact", 1, "call", "--at", "amanhã", "--as", "ana").exit_code == 2

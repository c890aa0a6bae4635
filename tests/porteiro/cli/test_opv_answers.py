"""`porteiro opv tag|untag|set|questionnaires`, and the list by tag."""

from __future__ import annotations

import json

import pytest

from db.session import Database
from porteiro.configuration.apply import apply
from schemas.config import Configuration
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import CONFIGURATION, NOW, Stored
from tests.web.api.test_answers import ANSWERS


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_tags_and_fields_in_a_persons_name(stored: Stored, run: Run, database_url: str) -> None:
    database = Database(database_url)
    apply(database, Configuration.model_validate({**CONFIGURATION, **ANSWERS}), by="rui", now=NOW)
    database.dispose()
    stored.opv(broker="ana")
    stored.opv(broker="ana")
    assert json.loads(run("opv", "tag", 1, "vip", "v-p", "--as", "ana", "--json").stdout)["tags"] == ["vip", "v-p"]
    assert run("opv", "untag", 1, "v-p", "--as", "ana").exit_code == 0
    told = run("opv", "set", 1, "heat=quente", "notes=a=b", "--as", "ana", "--json").stdout
    assert json.loads(told)["fields"] == {"heat": "Quente", "notes": "a=b"}
    assert json.loads(run("opv", "set", 1, "notes=", "--as", "ana", "--json").stdout)["fields"] == {"heat": "Quente"}
    assert [one["number"] for one in json.loads(run("opv", "list", "--tag", "vip", "--json").stdout)["items"]] == [1]
    assert "Quente" in run("opv", "show", 1).stdout
    (item,) = json.loads(run("opv", "questionnaires", 1, "--json").stdout)["items"]
    assert item["filled_in"] is True
    assert "falta" in run("opv", "questionnaires", 2).stdout
    assert run("opv", "set", 1, "heat", "--as", "ana").exit_code == 2
    refused = run("opv", "set", 1, "heat=morno", "--as", "ana").exception
    assert isinstance(refused, PorteiroError)
    assert refused.reason == "wrong_value"
    assert run("opv", "contact", 1, "visit", "--missed", "--as", "ana").exit_code == 0

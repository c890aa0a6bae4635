"""`porteiro check` and `porteiro apply`, as a person and as a program call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from db.session import Database
from porteiro.cli.configuration import register
from porteiro.configuration.apply import in_force
from schemas.errors import Reject
from tests.stored import Stored

GOOD = """
channels: [{key: site, source: form, secrets: ["${SITE}"]}]
funnel: {stages: [{key: new, name: Novo}]}
people: [{key: ana, name: Ana, role: broker}]
"""

app = typer.Typer()
register(app)
runner = CliRunner()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Path:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PORTEIRO_VAR", str(tmp_path))
    monkeypatch.setenv("SITE", "segredo")
    file = tmp_path / "porteiro.yaml"
    monkeypatch.setenv("PORTEIRO_CONFIG", str(file))
    file.write_text(GOOD)
    return file


def test_check_counts_what_is_there_and_a_warning_does_not_fail(file: Path) -> None:
    result = runner.invoke(app, ["check", str(file)])
    assert (result.exit_code, result.stdout) == (
        0,
        f"{file}: OK, 1 people, 0 teams, 0 developments, 1 channels, 1 stages, 0 rules, 0 automations\n",
    )
    assert f"{file}:4:10: warning: people[0]: broker `ana` is in no team" in result.stderr


def test_check_says_what_is_wrong(file: Path) -> None:
    file.write_text(GOOD.replace("form", "from"))
    result = runner.invoke(app, ["check"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{file}:2:32: channels[0].source: there is no source `from`, did you mean `form`?" in result.stderr
    result = runner.invoke(app, ["check", "--json"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["ok"]) == (1, False)
    assert [(one["line"], one["path"], one["severity"]) for one in found["problems"]] == [
        (2, "channels[0].source", "error"),
        (4, "people[0]", "warning"),
    ]
    assert runner.invoke(app, ["apply", "--yes"]).exit_code == 1


def test_apply_shows_asks_and_applies(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = runner.invoke(app, ["apply"])
    assert isinstance(result.exception, Reject)
    assert result.exception.reason == "not_confirmed"
    assert "+ added     channels site\n" in result.stdout
    monkeypatch.setattr("porteiro.cli.configuration.is_terminal", lambda: True)
    assert runner.invoke(app, ["apply"], input="n\n").exit_code == 1
    result = runner.invoke(app, ["apply"], input="y\n")
    assert result.stdout.endswith("applied as version 1\n")
    assert runner.invoke(app, ["apply"]).stdout == "nothing changed: version 1 is in force\n"
    file.write_text(GOOD.replace("Ana", "Ana Lima"))
    result = runner.invoke(app, ["apply", "--yes", "--json"])
    change = {"kind": "changed", "section": "people", "key": "ana", "fields": ["name"]}
    assert json.loads(result.stdout) == {"version": 2, "changes": [change], "retried": 0}


def test_a_stage_that_holds_opvs_is_asked_for_or_moved_by_an_option(
    file: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = "{key: new, name: Novo}", "{key: visit, name: Visita}"
    file.write_text(GOOD.replace(one, f"{one}, {two}"))
    runner.invoke(app, ["apply", "--yes"])
    database = Database(database_url)
    Stored(database).opv(stage="visit")
    file.write_text(GOOD)
    refused = runner.invoke(app, ["apply", "--yes"]).exception
    assert isinstance(refused, Reject)
    assert (refused.reason, "--move visit=STAGE" in refused.detail) == ("stage_holds_opvs", True)
    assert runner.invoke(app, ["apply", "--yes", "--move", "visit"]).exit_code == 2
    for wrong, reason in (("visit=x", "unknown_stage"), ("new=new", "stage_present")):
        refused = runner.invoke(app, ["apply", "--yes", "--move", wrong]).exception
        assert isinstance(refused, Reject)
        assert refused.reason == reason
    monkeypatch.setattr("porteiro.cli.configuration.is_terminal", lambda: True)
    asked = runner.invoke(app, ["apply"], input="n\nx\nnew\ny\n")
    assert "visit holds 1 open OPVs and is gone" in asked.stderr
    assert asked.stdout.endswith("applied as version 2\n")
    with database.read() as tx:
        found = in_force(tx, 2)
    database.dispose()
    assert found is not None
    assert found.funnel.moved == {"visit": "new"}


def test_the_schema_is_printed_without_a_file() -> None:
    assert json.loads(runner.invoke(app, ["check", "--schema"]).stdout)["title"] == "porteiro.yaml"

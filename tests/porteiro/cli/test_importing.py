"""`porteiro import`: shows, asks, stores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from porteiro.cli import importing
from schemas.errors import PorteiroError
from tests.pipeline import Pipeline, Start, start_on_sqlite
from tests.porteiro.cli.conftest import Run

__all__ = ["start_on_sqlite"]

FIXTURES = Path(__file__).parents[2] / "fixtures" / "import"


@pytest.fixture
def pipeline(start_on_sqlite: Start, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The installation that the commands work on. Its message broker is files of this test."""
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("PORTEIRO_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("S", "segredo-de-teste")
    monkeypatch.delenv("BROKER_URL", raising=False)
    return start_on_sqlite()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A spreadsheet with three new leads, a repeated one and one without contact."""
    return Path(shutil.copy(FIXTURES / "planilha_latin1.csv", tmp_path / "leads.csv"))


def test_a_dry_run_shows_and_stores_nothing(pipeline: Pipeline, run: Run, file: Path) -> None:
    shown = run("import", file, "--channel", "site", "--dry-run")
    assert shown.exit_code == 0, shown.output
    for told in ("Latin-1 (Windows-1252), separador ;", "Quantos quartos?", "answers.Quantos quartos?", "José Exemplo",
                 "98000-0101", "Novas", "Já recebidas", "sem telefone nem e-mail que se possa usar"):  # fmt: skip
        assert told in shown.stdout
    assert pipeline.rows("deliveries") == []
    assert not file.with_name("leads.rejected.csv").exists()
    unasked = run("import", file, "--channel", "site").exception
    assert isinstance(unasked, PorteiroError)
    assert unasked.reason == "not_confirmed"
    assert pipeline.rows("deliveries") == []


def test_yes_stores_and_writes_the_rejected_lines(pipeline: Pipeline, run: Run, file: Path) -> None:
    done = run("import", file, "--channel", "site", "--yes", "--map", "Quantos quartos?=extra.quartos", "--json")
    report = json.loads(done.stdout)
    assert report["lines"] == {"new": 3, "repeated": 1, "fetching": 0, "test": 0, "rejected": 1}
    assert (report["columns"]["Quantos quartos?"], report["stored"]) == ("extra.quartos", 3)
    assert report["rejected_file"] == "leads.rejected.csv"
    assert "Sem Contato" in file.with_name("leads.rejected.csv").read_text(encoding="cp1252")
    pipeline.clock.now = pipeline.rows("deliveries")[-1].due_at
    pipeline.run()
    assert pipeline.outcomes() == ["captured"] * 3
    again = run("import", file, "--channel", "site", "--yes")
    assert "0 linhas guardadas" in again.stdout


def test_a_message_broker_that_is_down_is_no_error(
    pipeline: Pipeline, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_URL", "redis://127.0.0.1:1/0")
    assert run("import", file, "--channel", "site", "--yes").exit_code == 0
    assert len(pipeline.rows("deliveries")) == 3


def test_who_is_asked_can_say_no(pipeline: Pipeline, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "is_terminal", lambda: True)
    assert run("import", file, "--channel", "site", input="n\n").exit_code == 1
    assert pipeline.rows("deliveries") == []
    assert run("import", file, "--channel", "site", input="y\n").exit_code == 0
    assert len(pipeline.rows("deliveries")) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--channel", "nenhum"), "unknown_channel"),
        (("--channel", "site", "--map", "Celular=-", "--map", "E-mail=-"), "no_contact_column"),
        (("--channel", "site", "--map", "Fulano=name"), "bad_map"),
    ],
)
def test_what_is_wrong_is_said(
    pipeline: Pipeline, run: Run, file: Path, arguments: tuple[str, ...], reason: str
) -> None:
    refused = run("import", file, *arguments).exception
    assert isinstance(refused, PorteiroError)
    assert refused.reason == reason

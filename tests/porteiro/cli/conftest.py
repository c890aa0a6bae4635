"""The commands' environment: a migrated database with a configuration in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from db.session import Database
from porteiro.cli import app
from porteiro.configuration.apply import apply
from schemas.config import Configuration
from tests.pipeline import start
from tests.stored import CONFIGURATION, NOW, Stored

__all__ = ["Run", "run", "start", "stored"]

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs a command line."""
    return lambda *arguments, **options: CliRunner().invoke(app, [str(one) for one in arguments], **options)


@pytest.fixture
def stored(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """Rows of the database that this test's commands work on."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PORTEIRO_VAR", str(tmp_path))
    monkeypatch.delenv("BROKER_URL", raising=False)
    database = Database(database_url)
    apply(database, Configuration.model_validate(CONFIGURATION), by="rui", now=NOW)
    yield Stored(database)
    database.dispose()

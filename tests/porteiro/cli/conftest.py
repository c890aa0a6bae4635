"""The commands' environment: a migrated database with a configuration in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from db.session import Database
from porteiro.build import build
from porteiro.cli import app
from porteiro.configuration.apply import apply
from porteiro.settings import Settings
from schemas.config import Configuration
from tests.stored import CONFIGURATION, NOW, Stored

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs a command line."""
    return lambda *arguments, **options: CliRunner().invoke(app, list(arguments), **options)


@pytest.fixture
def stored(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """Rows of the database that the commands of this test read."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PORTEIRO_VAR", str(tmp_path))
    monkeypatch.delenv("BROKER_URL", raising=False)
    database = Database(database_url)
    yield Stored(database)
    database.dispose()

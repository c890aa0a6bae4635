"""`docs/opv.md` is true: the calls, commands and tests that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from porteiro.cli import app
from tests.web.api.test_access_matrix import matrix

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "opv.md").read_text(encoding="utf-8")


def test_the_calls_are_routes() -> None:
    routes = {re.sub(r"\{\w+\}", "{}", route) for route in matrix()}
    named = re.findall(r"`((?:GET|POST|PATCH|DELETE) /[^`?]*)", PAGE)
    called = {re.sub(r"\{\w+\}", "{}", call.replace(" /", " /api/v1/", 1)) for call in named if "…" not in call}
    assert called - routes == set()
    assert len(named) > 25


def test_the_commands_are_there() -> None:
    top = typer.main.get_command(app)
    for words in re.findall(r"`porteiro ([a-z-]+)(?: ([a-z-]+))?", PAGE):
        command = top
        for word in filter(None, words):
            command = command.commands[word]  # type: ignore[attr-defined] # each but the last is a group


def test_the_tests_are_there() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert {path for path in named if not (ROOT / path).exists()} == set()
    assert len(named) > 20

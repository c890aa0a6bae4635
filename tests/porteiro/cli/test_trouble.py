"""What a person is told: one line on stderr, exit code 1, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from porteiro.cli.trouble import explain
from schemas.errors import Bug

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"PORT": "eighty"}, "PORT is wrong: "),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL is wrong: "),
        ({"DATABASE_URL": "postgresql+psycopg://porteiro:a-secret@127.0.0.1:1/x"}, "the database does not answer: "),
        ({}, "the database lacks tables of this version: run `porteiro migrate`"),
    ],
)
def test_what_a_person_can_mend_is_one_line(tmp_path: Path, setting: dict[str, str], said: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": f"sqlite:///{tmp_path}/empty.db", **setting}
    done = subprocess.run(
        [sys.executable, "-m", "porteiro", "send", "form"],
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"porteiro: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert "a-secret" not in done.stderr


def test_what_is_ours_to_mend_keeps_its_traceback() -> None:
    assert explain(Bug("broken", "ours")) is None
    assert explain(ZeroDivisionError()) is None


def test_a_missing_file_is_named() -> None:
    assert (
        explain(FileNotFoundError(2, "No such file or directory", "Procfile")) == "Procfile: No such file or directory"
    )

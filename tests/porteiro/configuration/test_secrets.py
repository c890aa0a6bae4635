"""`${NAME}`: found, filled in, and given random values in `$PORTEIRO_VAR/env`."""

from __future__ import annotations

from pathlib import Path

import pytest

from porteiro.configuration.secrets import fill, names_in, write_env
from porteiro.settings import Settings, secrets


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PORTEIRO_VAR", str(tmp_path / "var"))
    return Settings()


def test_names_are_found_and_filled_in_at_any_depth() -> None:
    value = {"a": ["x${ONE}y${TWO}", 3], "b": {"c": "${ONE}"}, "d": "$ONE {ONE} ${1}"}
    assert names_in(value) == ["ONE", "TWO"]
    assert fill(value, str.lower) == {"a": ["xoneytwo", 3], "b": {"c": "one"}, "d": "$ONE {ONE} ${1}"}


def test_missing_secrets_are_made_once_for_their_owner_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIVEN", "outside")
    text = 'a: ["${GIVEN}", "${NEW}"]  # ${COMMENT}\nb: "${KEPT}"\n'
    file = settings.var / "env"
    file.parent.mkdir()
    file.write_text("KEPT=before")
    file.chmod(0o644)
    assert write_env(settings, text) == ["NEW"]
    assert write_env(settings, text) == []
    assert write_env(settings, "a: [") == []
    assert file.stat().st_mode & 0o777 == 0o600
    found = secrets(settings)
    assert (found["KEPT"], found["GIVEN"]) == ("before", "outside")
    assert len(found["NEW"]) >= 32
    assert "COMMENT" not in file.read_text()

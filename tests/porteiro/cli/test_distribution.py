"""`porteiro distribution simulate`, and that `porteiro apply` offers it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from porteiro.build import now
from tests.pipeline import HOUSE, Pipeline, Start, lead
from tests.porteiro.cli.conftest import Run

ONLY_RULES = "distribution:\n  rules:\n    - {key: all, queue: {brokers: [bia]}}\n"


@pytest.fixture
def house(start: Start, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Six leads of ten minutes ago."""
    for name, value in (("DATABASE_URL", database_url), ("PORTEIRO_VAR", str(tmp_path)), ("S", "segredo")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BROKER_URL", raising=False)
    house = start(now=now())
    house.clock.forward(minutes=-10)
    house.deliver_all([("site", lead(number)) for number in range(6)])
    house.run()
    return house


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "new.yaml"


def test_the_rules_alone_are_laid_over_what_is_in_force(house: Pipeline, rules: Path, run: Run, tmp_path: Path) -> None:
    rules.write_text(ONLY_RULES)
    chart = tmp_path / "chart.svg"
    result = run("distribution", "simulate", "--rules", rules, "--since", "1h", "--chart", chart)
    assert result.exit_code == 0, result.output
    assert "6 leads" in result.stdout
    assert "3 iriam para outra pessoa. Nada foi gravado." in result.stdout
    assert "Bia Corretora" in result.stdout
    assert "regra all, fila all: era a vez de Bia Corretora" in result.stdout
    assert "Bia Corretora" in chart.read_text()
    found = json.loads(run("distribution", "simulate", "--rules", rules, "--json").stdout)
    assert {one["key"]: (one["then"], one["now"]) for one in found["brokers"]} == {"ana": (3, 0), "bia": (3, 6)}
    rules.write_text(json.dumps({"distribution": {"rules": [{"key": "all", "queue": {"brokers": ["ana"]}}]}}))
    found = json.loads(run("distribution", "simulate", "--rules", rules, "--json").stdout)
    assert found["moved"] == 3


def test_a_whole_file_is_taken_as_it_is(house: Pipeline, rules: Path, run: Run) -> None:
    rules.write_text(HOUSE.replace("queue: {teams: [sul]}", "queue: {teams: [sul], strategy: manual}"))
    found = json.loads(run("distribution", "simulate", "--rules", rules, "--json").stdout)
    assert found["undistributed"] == [{"reason": "pool", "then": 0, "now": 6}]


def test_what_is_wrong_is_told_with_its_line(house: Pipeline, rules: Path, run: Run) -> None:
    for text, told in (
        (ONLY_RULES.replace("bia", "bio"), ":3:36: distribution.rules[0].queue.brokers[0]"),
        (f"{ONLY_RULES}people:\n  - {{key: bia, name: Bia, role: broker}}\n", "(in what is in force)"),
        ("distribution: [", "new.yaml:1:"),
        ("channels: []\n", "funnel"),
    ):
        rules.write_text(text)
        result = run("distribution", "simulate", "--rules", rules)
        assert (result.exit_code, result.stdout) == (1, ""), text
        assert told in result.stderr, text
    assert "cannot be read" in run("distribution", "simulate", "--rules", rules.with_name("none.yaml")).stderr


def test_a_period_without_leads_says_so(house: Pipeline, rules: Path, run: Run) -> None:
    rules.write_text(ONLY_RULES)
    for arguments, told in (
        (("--since", "2020-01-01", "--until", "2020-02-01"), "no lead came"),
        (("--since", "2099-01-01"), "ends before it begins"),
        (("--since", "ontem"), "is no span and no time"),
    ):
        assert told in str(run("distribution", "simulate", "--rules", rules, *arguments).exception)


def test_apply_offers_a_simulation(house: Pipeline, rules: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rules.write_text(HOUSE.replace("queue: {teams: [sul]}", "queue: {brokers: [bia]}"))
    refused = run("apply", rules)
    assert f"porteiro distribution simulate --rules {rules} --since 30d" in refused.stderr
    monkeypatch.setattr("porteiro.cli.configuration.is_terminal", lambda: True)
    tried = run("apply", rules, input="s\nn\n")
    assert "Simular com os últimos 30 dias antes? [s/N]" in tried.stderr
    assert "3 iriam para outra pessoa" in tried.stdout
    assert tried.exit_code == 1
    applied = run("apply", rules, input="\ny\n")
    assert "iriam para outra pessoa" not in applied.stdout
    assert "applied as version 2" in applied.stdout
    rules.write_text(rules.read_text().replace("Novo", "Novo lead"))
    assert "simulate" not in run("apply", rules, "--yes").stderr

"""`porteiro opv`: list, show."""

from __future__ import annotations

import json

from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored


def test_an_opv_is_listed_and_shown_with_its_history(stored: Stored, run: Run) -> None:
    opv = stored.opv(client="Maria Teste", broker="ana", team="sul", manager="paula")
    stored.opv(client="Outra Pessoa", broker="bia")
    stored.card(opv, 2, {"message": "Quero [bold]visitar[/]\x07", "flags": ["ddd_inferred"]}, channel="zap")
    for seq in range(1, 251):
        stored.fact(opv, seq, "comment.added", {"n": seq}, '{"text": "oi"}' if seq == 250 else None)

    listed = json.loads(run("opv", "list", "--broker", "ana", "--json").stdout)
    assert [one["id"] for one in listed["items"]] == [str(opv)]
    table = run("opv", "list").stdout
    assert "Maria Teste" in table
    assert "Outra Pessoa" in table

    shown = run("opv", "show", 1)
    assert shown.exit_code == 0
    for words in (
        "OPV 1",
        "Clientes",
        "Captação por zap",
        "Quero [bold]visitar[/]",
        "ddd_inferred",
        "Histórico",
        "n: 250",
    ):
        assert words in shown.stdout
    assert "\x07" not in shown.stdout
    full = json.loads(run("opv", "show", opv, "--json").stdout)
    assert [entry["seq"] for entry in full["history"]] == list(range(1, 251))
    assert full["history"][-1]["content"] == {"text": "oi"}
    missing = run("opv", "show", 99).exception
    assert isinstance(missing, PorteiroError)
    assert missing.reason == "unknown_opv"

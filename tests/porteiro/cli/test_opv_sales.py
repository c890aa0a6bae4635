"""`porteiro opv process|whatsapp`, and `win` where sales go through documentation."""

from __future__ import annotations

import json

from porteiro.configuration.apply import apply
from schemas.config import Configuration
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import CONFIGURATION, NOW, Stored


def test_the_way_to_a_sale_is_shown(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana")
    target = {"key": "vende", "target": "sales_module", "options": {"api_url": "https://x", "token": "${T}"}}
    changed = {**CONFIGURATION, "won_sale": {"mode": "documentation"}, "targets": [target]}
    apply(stored.database, Configuration.model_validate(changed), by="rui", now=NOW)
    sale = ("--value", "450000.50", "--unit", "101", "--date", "2026-01-05", "--as", "ana")
    refused = run("opv", "win", 1, *sale)
    assert (refused.exit_code, _reason(refused.exception)) == (1, "clients_incomplete")
    shown = json.loads(run("opv", "process", 1, "--json").stdout)
    assert (shown["mode"], shown["reason"], shown["process"]) == ("documentation", "clients_incomplete", None)
    screen = run("opv", "process", 1).stdout
    assert "falta o CPF" in screen
    assert "Venda ganha" in screen
    assert run("opv", "process", 99).exit_code == 1


def test_a_conversation_is_opened(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana")
    opened = run("opv", "whatsapp", 1, "--as", "ana", "--text", "Olá!")
    assert opened.stdout == "https://wa.me/5511999990001?text=Ol%C3%A1%21\n"
    assert json.loads(run("opv", "whatsapp", 1, "--as", "ana", "--json").stdout)["by"] == "wa.me"
    shown = json.loads(run("opv", "show", 1, "--json").stdout)
    assert [entry["kind"] for entry in shown["history"]] == ["whatsapp.opened"] * 2
    for person, reason in (("bia", "unknown_opv"), ("ivo", "unknown_person")):
        assert _reason(run("opv", "whatsapp", 1, "--as", person).exception) == reason


def _reason(error: BaseException | None) -> str:
    assert isinstance(error, PorteiroError)
    return error.reason

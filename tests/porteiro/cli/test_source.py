"""`porteiro source list`; what `new` makes is tested in `tests/porteiro/scaffold`."""

from __future__ import annotations

import json

import pytest

from adapters.sources import registry
from adapters.sources.packages import Brought, LeftOut
from tests.porteiro.cli.conftest import Run


def test_all_sources_are_listed(run: Run) -> None:
    listed = run("source", "list", "--json")
    assert listed.exit_code == 0
    items = {item["slug"]: item for item in json.loads(listed.stdout)["items"]}
    assert items.keys() == registry.sources().keys()
    assert items["meta_lead_ads"] == {
        "slug": "meta_lead_ads",
        "title": "Meta Lead Ads (Facebook e Instagram)",
        "documentation": registry.sources()["meta_lead_ads"].documentation,
        "namespace": "source",
        "reads_back": True,
        "handshake": True,
        "package": None,
    }
    assert "toda a plataforma" in run("source", "list").stdout


def test_one_that_is_left_out_fails_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = LeftOut("torn", "torn-leads 1.0", "it cannot be loaded")
    monkeypatch.setattr(registry, "brought", lambda: Brought({}, {}, (left_out,)))
    listed = run("source", "list", "--json")
    assert listed.exit_code == 1
    assert json.loads(listed.stdout)["left_out"] == [
        {"slug": "torn", "package": "torn-leads 1.0", "problem": "it cannot be loaded"}
    ]

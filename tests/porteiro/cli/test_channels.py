"""`porteiro channels`, `channels check` and `reconcile`, with a platform's API served on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.ids import new_id
from db.queries.channels import keys
from porteiro.configuration.apply import apply
from porteiro.send import serve_api
from schemas.config import Configuration
from tests.porteiro.cli.conftest import Run
from tests.promises.house import free_port
from tests.stored import CONFIGURATION, NOW, Stored

Answers = dict[str, bytes]


def graph_lead(number: int) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(hours=1)
    data = [
        {"name": "full_name", "values": ["Ana Exemplo"]},
        {"name": "phone_number", "values": [f"+551198000{number}"]},
    ]
    return {"id": str(number), "created_time": f"{at:%Y-%m-%dT%H:%M:%S+0000}", "field_data": data}


@pytest.fixture
def graph(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Meta's API, of a house with a page and a website."""
    for name in ("APP", "PAGE", "SITE"):
        monkeypatch.setenv(name, f"segredo-{name}")
    port = free_port()
    options = {"verify_token": "${APP}", "page_token": "${PAGE}", "page_id": 104, "forms": [7],
               "api_url": f"http://127.0.0.1:{port}"}  # fmt: skip
    channels = [
        {"key": "meta", "source": "meta_lead_ads", "secrets": ["${APP}"], "options": options},
        {"key": "site", "source": "form", "secrets": ["${SITE}"]},
    ]
    document = {**CONFIGURATION, "channels": channels}
    apply(stored.database, Configuration.model_validate(document), by="rui", now=NOW)
    answers = {
        "debug_token": {"data": {"is_valid": True, "scopes": ["leads_retrieval"], "expires_at": 1900000000}},
        "subscribed_apps": {"data": [{"id": "1", "subscribed_fields": ["leadgen"]}]},
        "leads": {"data": [graph_lead(number) for number in (1001, 1002)]},
    }
    served = {name: json.dumps(answer).encode() for name, answer in answers.items()}
    with serve_api(("127.0.0.1", port), served):
        yield served


def test_reconcile_brings_what_is_missing_once(stored: Stored, run: Run, graph: Answers) -> None:
    first = run("reconcile", "meta", "--since", "2 hours", "--json")
    assert first.exit_code == 0, first.output
    assert (json.loads(first.stdout)["seen"], json.loads(first.stdout)["found"]) == (2, 2)
    graph["leads"] = json.dumps({"data": [graph_lead(number) for number in (1002, 1003)]}).encode()
    again = run("reconcile", "meta", "--since", f"{datetime.now(UTC) - timedelta(hours=2):%Y-%m-%dT%H:%M+00:00}")
    assert "2 leads na plataforma" in again.stdout
    assert "1 só vieram agora" in again.stdout
    assert "segredo" not in first.output + again.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("site",), "has no API that gives leads back"),
        (("nada",), "there is no channel nada; there is: meta, site"),
        (("meta", "--since", "3 business days"), "business days"),
        (("meta", "--since", "ontem"), "is no time"),
    ],
)
def test_reconcile_says_what_cannot_be(run: Run, graph: Answers, arguments: tuple[str, ...], words: str) -> None:
    refused = run("reconcile", *arguments)
    assert refused.exit_code != 0
    assert words in refused.output + str(refused.exception)


def test_reconcile_says_why_the_platform_refuses(run: Run, graph: Answers) -> None:
    del graph["leads"]
    refused = run("reconcile", "meta")
    assert refused.exit_code == 1
    assert "Meta refuses to give it (HTTP 404, code 100)" in str(refused.exception)


def test_check_asks_each_platform(run: Run, graph: Answers) -> None:
    well = run("channels", "check")
    assert well.exit_code == 0, well.output
    for words in ("page 104 is subscribed to leadgen", "the page token has leads_retrieval", "nada a perguntar"):
        assert words in well.stdout
    graph["subscribed_apps"] = b'{"data": []}'
    wrong = run("channels", "check", "meta", "--json")
    assert wrong.exit_code == 1
    (meta,) = json.loads(wrong.stdout)["items"]
    assert [one["ok"] for one in meta["checked"]] == [True, True, False]
    del graph["debug_token"]
    refused = run("channels", "check", "meta")
    assert refused.exit_code == 1
    assert "platform_refused" in refused.stdout


def test_the_list_tells_how_each_channel_does(stored: Stored, run: Run, graph: Answers) -> None:
    run("channels", "check", "meta")
    run("reconcile", "meta")
    with stored.database.read() as tx:
        channel = {key: number for number, key in keys(tx).items()}["meta"]
    stored.insert("alarms", {"id": new_id(), "kind": "silence", "channel": channel, "detail": "meta is silent",
                             "raised_at": NOW, "cleared_at": None})  # fmt: skip
    stored.insert("channel_refusals", {"channel": channel, "reason": "wrong_signature", "count": 4, "last_at": NOW})
    for command in (("channels",), ("channels", "list")):
        shown = run(*command).stdout
        for words in ("silencioso", "meta is silent", "wrong_signature", "ok até 17/03/2030", "2 de 2", "site"):
            assert words in shown, words
    listed = {one["key"]: one["health"] for one in json.loads(run("channels", "list", "--json").stdout)["items"]}
    assert (listed["meta"]["state"], listed["site"]["state"]) == ("silent", "ok")

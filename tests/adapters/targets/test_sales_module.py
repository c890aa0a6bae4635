"""The sales module as a target, against a real server: what each answer means, and that nothing is opened twice."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapters import http
from adapters.http import RequestsClient
from adapters.targets.sales_module import SalesModule as Target
from adapters.targets.sales_module import SalesModuleOptions
from adapters.targets.testing import NOW
from schemas.errors import Park, PorteiroError, Retry
from schemas.sale import SaleRequest
from schemas.source import HttpAnswer
from schemas.target import Message, Refused
from tests.sales_module import TOKEN, SalesModule, serving

PAGE = Path(__file__).parents[3] / "docs" / "sales-module.md"
BODY = json.dumps({"unit": "101", "clients": [{"document": "39053344705"}]})


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[SalesModule]:
    monkeypatch.setattr(http, "TIMEOUT", (1.0, 0.3))
    with serving(SalesModule()) as module:
        yield module


def send(module: SalesModule, *, tried: bool = False, lookup: bool = True, token: str = TOKEN) -> str | None:
    options = SalesModuleOptions(api_url=module.url + "/", token=SecretStr(token), lookup=lookup)
    message = Message("sale:1", "sale_process", "vende", BODY, options=options, tried=tried)
    return Target(RequestsClient(), lambda: NOW).send(message).reference


def test_a_process_is_opened_with_the_key_and_its_id_kept(module: SalesModule) -> None:
    assert send(module) == "VD-1"
    assert module.asked == [("POST", "sale:1")], "the first try asks nothing"
    assert module.processes[0]["body"] == json.loads(BODY)


@pytest.mark.parametrize("plan", ["lost", "slow"])
@pytest.mark.parametrize(("honours", "lookup"), [(True, True), (True, False), (False, True)])
def test_a_lost_answer_opens_one_process(module: SalesModule, plan: str, honours: bool, lookup: bool) -> None:
    module.honours, module.plan = honours, [plan]
    with pytest.raises(Retry) as lost:
        send(module, lookup=lookup)
    assert lost.value.reason == "no_answer"
    assert send(module, tried=True, lookup=lookup) == "VD-1"
    assert len(module.processes) == 1


def test_a_later_try_asks_first_and_then_opens(module: SalesModule) -> None:
    module.plan = [503]
    with pytest.raises(Retry):
        send(module)
    module.looks_up = False
    assert send(module, tried=True) == "VD-1"
    assert [method for method, _ in module.asked] == ["POST", "GET", "POST"]


def test_a_duplicate_is_as_good_as_accepted(module: SalesModule) -> None:
    assert (send(module), send(module)) == ("VD-1", "VD-1")
    assert len(module.processes) == 1


def test_an_answer_without_id_is_looked_up_once(module: SalesModule) -> None:
    module.plan = ["no_id"]
    assert send(module) == "VD-1"
    module.plan = ["no_id"]
    module.honours = False
    with pytest.raises(Park) as parked:
        send(module, lookup=False)
    assert parked.value.reason == "no_process_id"


@pytest.mark.parametrize(
    ("status", "kind", "reason", "after"),
    [
        (500, Retry, "http_500", 45), (503, Retry, "http_503", 45), (429, Retry, "http_429", 45),
        (408, Retry, "http_408", 45), (302, Park, "http_302", None), (403, Park, "not_authorized", None),
        (400, Refused, "process_refused", None), (422, Refused, "process_refused", None),
    ],
)  # fmt: skip
def test_what_an_answer_means(
    module: SalesModule, status: int, kind: type[PorteiroError], reason: str, after: int | None
) -> None:
    module.plan = [status]
    with pytest.raises(kind) as raised:
        send(module)
    assert raised.value.reason == reason
    assert "39053344705" not in raised.value.detail
    if isinstance(raised.value, Retry):
        assert raised.value.after == timedelta(seconds=after or 0)
    if isinstance(raised.value, Refused):
        assert raised.value.words == "CPF 39053344705 recusado"
    assert len(module.asked) == 1, "redirects are not followed"


def test_a_wrong_token_is_no_refusal_of_the_process(module: SalesModule) -> None:
    with pytest.raises(Park) as parked:
        send(module, token="outro")
    assert (parked.value.reason, isinstance(parked.value, Refused)) == ("not_authorized", False)


class Saying:
    """An HTTP client that gets one answer to every look-up, and must post nothing."""

    def __init__(self, status: int, body: Any) -> None:
        self.answer = HttpAnswer(status, {}, json.dumps(body).encode())

    def get(self, url: str, **_: Any) -> HttpAnswer:
        return self.answer

    def post(self, url: str, **_: Any) -> HttpAnswer:
        raise AssertionError("posted")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, {"id": 7}, "7"),
        (200, {"process_id": "x", "idempotency_key": "sale:1"}, "x"),
        (200, [{"id": "a", "idempotency_key": "sale:2"}, {"id": "b", "idempotency_key": "sale:1"}], "b"),
        (200, {"items": [{"id": "of somebody else"}]}, "lookup_unreadable"),
        (200, "sim", "lookup_unreadable"),
        (200, {"id": True}, "lookup_unreadable"),
        (400, {}, "lookup_refused"),
        (401, {}, "lookup_refused"),
        (500, {}, "http_500"),
    ],
)
def test_a_look_up_that_says_nothing_clear_opens_nothing(status: int, body: Any, said: str) -> None:
    options = SalesModuleOptions(api_url="http://vende.example", token=SecretStr(TOKEN))
    message = Message("sale:1", "sale_process", "vende", BODY, options=options, tried=True)
    try:
        found = Target(Saying(status, body), lambda: NOW).send(message).reference
    except PorteiroError as error:
        found = error.reason
    assert found == said


def test_the_module_of_the_page_keeps_its_contract(tmp_path: Path) -> None:
    """The one that people copy to try it with."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "module.py").write_text(code, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    body = json.dumps({"opv": {"number": 1}})
    options = SalesModuleOptions(api_url=f"http://127.0.0.1:{port}", token=SecretStr(TOKEN))
    message = Message("sale:1", "sale_process", "vende", body, options=options)
    environment = {**os.environ, "VENDE_TOKEN": TOKEN}
    command = [sys.executable, str(tmp_path / "module.py"), str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            target, end = Target(RequestsClient(), lambda: NOW), time.monotonic() + 20
            while True:
                try:
                    assert target.send(message).reference == "VD-1"
                    break
                except Retry:
                    assert time.monotonic() < end, "it does not answer"
                    time.sleep(0.05)
            assert target.send(message).reference == "VD-1", "a key that it knows opens nothing"
            assert target.send(replace(message, tried=True)).reference == "VD-1"
            assert target.send(replace(message, idempotency_key="sale:2", tried=True)).reference == "VD-2"
        finally:
            process.terminate()


def test_the_request_of_the_page_is_the_one_that_is_sent() -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0])
    assert set(shown) == set(SaleRequest.model_fields)
    assert SaleRequest.model_validate(shown).clients[0].details.addresses[0].whole

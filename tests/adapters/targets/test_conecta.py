"""Conecta, against a real server: a conversation is opened with one key, and only an address is an answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.http import RequestsClient
from adapters.targets.conecta import Conecta, ConectaOptions
from adapters.targets.testing import NOTICE, NOW
from schemas.errors import Park, PorteiroError, Retry
from schemas.target import Answer, Message, Refused

LINK = "https://conecta.example/c/1"


class Api:
    """What it answers, first to last (`None`: it hangs up), and what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any] | None] = []
        self.asked: list[tuple[str, str | None, str | None, Any]] = []
        self.url = ""


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            api.asked.append((self.path, self.headers["Authorization"], self.headers["Idempotency-Key"], body))
            answer = api.answers.pop(0) if len(api.answers) > 1 else api.answers[0]
            if answer is None:
                self.close_connection = True
                return
            raw = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    yield api
    server.shutdown()
    server.server_close()
    thread.join()


def open_it(api: Api) -> str | None:
    options = ConectaOptions(api_url=api.url, token=SecretStr("segredo"))
    message = Message("whatsapp:1", "whatsapp", "conecta", '{"phone":"+5511980000001"}', options=options)
    return Conecta(RequestsClient((1.0, 0.5)), lambda: NOW).send(message).url


@pytest.mark.parametrize("before", [[], [(503, {})], [None, (500, {})]])
def test_a_blip_is_tried_again_with_the_same_key(api: Api, before: list[tuple[int, Any] | None]) -> None:
    api.answers = [*before, (201, {"id": 1, "url": LINK})]
    assert open_it(api) == LINK
    assert set(map(str, api.asked)) == {
        str(("/conversations", "Bearer segredo", "whatsapp:1", {"phone": "+5511980000001"}))
    }
    assert len(api.asked) == len(before) + 1


@pytest.mark.parametrize(
    ("answer", "kind", "reason", "times"),
    [
        (None, Retry, "no_answer", 3),
        ((503, {}), Retry, "http_503", 3),
        ((422, {"detail": "sem modelo"}), Refused, "conversation_refused", 1),
        ((401, {}), Refused, "conversation_refused", 1),
        ((302, {}), Park, "no_url", 1),
        ((200, {}), Park, "no_url", 1),
        ((200, {"url": "javascript:alert(1)"}), Park, "no_url", 1),
        ((200, {"url": "https://a b"}), Park, "no_url", 1),
        ((200, ["x"]), Park, "no_url", 1),
    ],
)
def test_what_is_no_address_is_no_conversation(
    api: Api, answer: tuple[int, Any] | None, kind: type[PorteiroError], reason: str, times: int
) -> None:
    api.answers = [answer]
    with pytest.raises(kind) as raised:
        open_it(api)
    assert (raised.value.reason, len(api.asked)) == (reason, times)


def tell(api: Api, body: str) -> Answer:
    options = ConectaOptions(api_url=api.url, token=SecretStr("segredo"))
    return Conecta(RequestsClient((1.0, 0.5)), lambda: NOW).send(
        Message("notice:1", "notice", "conecta", body, options=options)
    )


@pytest.mark.parametrize("answer", [(202, {"id": 7}), (200, []), (409, {"id": 7})])
def test_a_notice_is_a_message(api: Api, answer: tuple[int, Any]) -> None:
    api.answers = [answer]
    assert tell(api, NOTICE.model_dump_json()) == Answer("7" if answer[1] else None)
    names = ("phone", "name", "text", "url", "opv", "person")
    body = {name: getattr(NOTICE, name) for name in names}
    assert api.asked == [("/messages", "Bearer segredo", "notice:1", body)]


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (None, Retry, "no_answer"), ((503, {}), Retry, "http_503"), ((401, {}), Park, "not_authorized"),
        ((422, {"detail": "sem modelo"}), Refused, "message_refused"), ((302, {}), Park, "http_302"),
    ],
)  # fmt: skip
def test_a_notice_is_tried_once(
    api: Api, answer: tuple[int, Any] | None, kind: type[PorteiroError], reason: str
) -> None:
    api.answers = [answer]
    with pytest.raises(kind) as raised:
        tell(api, NOTICE.model_dump_json())
    assert (type(raised.value), raised.value.reason, len(api.asked)) == (kind, reason, 1)


def test_who_has_no_phone_is_not_written_to(api: Api) -> None:
    for body, reason in (
        (NOTICE.model_copy(update={"phone": None}).model_dump_json(), "no_phone"),
        ("{}", "no_notice"),
    ):
        with pytest.raises(Park) as parked:
            tell(api, body)
        assert parked.value.reason == reason
    assert api.asked == []

"""Webhooks, against a real receiver: the signature, and that no address leads into the house's own network."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters import public_address
from adapters.http import RequestsClient
from adapters.sources.signing import standard_webhook
from adapters.targets.base import Clock
from adapters.targets.testing import NOTICE, NOW, Receiver, Step, serving
from adapters.targets.webhook import Webhook, WebhookOptions
from porteiro.build import now
from schemas.errors import Park, PorteiroError, Retry
from schemas.source import request_from
from schemas.target import Message, Refused
from tests.adapters.sources.entrances import entrance
from tests.adapters.targets.mail_server import server_context, write_authority

PAGE = Path(__file__).parents[3] / "docs" / "targets.md"
OLD, NEW = "whsec_Y2hhdmUtZGUtdGVzdGUtY29tLTI0LWJ5", "whsec_b3V0cmEtY2hhdmUtY29tLTI0LWJ5dGVz"
TRYING = {"allow_http": True, "allow_private": True}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver("webhook-id")) as receiver:
        yield receiver


def send(url: str, clock: Clock = now, *, body: str = "{}", seconds: float = 9.0, **options: Any) -> None:
    said = WebhookOptions.model_validate({"url": url, "secrets": [OLD], **TRYING, **options})
    Webhook(RequestsClient(), clock, seconds=seconds).send(Message("notice:1", "notice", "painel", body, options=said))


def fault(url: str, **options: Any) -> PorteiroError:
    with pytest.raises(PorteiroError) as raised:
        send(url, **options)
    return raised.value


def test_each_secret_signs_what_is_sent(receiver: Receiver) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    page: dict[str, Any] = {}
    exec(code[0], page)  # noqa: S102 - the check that receivers copy
    send(f"{receiver.url}/avisos?canal=1", body=NOTICE.model_dump_json(), secrets=[NEW, OLD])
    (asked,) = receiver.asked
    assert (asked.path, asked.body.decode()) == ("/avisos?canal=1", NOTICE.model_dump_json())
    assert (asked.headers["content-type"], asked.headers["host"]) == ("application/json", receiver.url[7:])
    assert len(asked.headers["webhook-signature"].split()) == 2
    lines = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
    request = request_from("POST", b"/hooks/x", lines.encode(), asked.body)
    for secret in (OLD, NEW):
        assert page["is_signed"](secret, asked.headers, asked.body)
        assert not page["is_signed"](secret, asked.headers, asked.body + b" ")
        house = entrance("standard_webhooks", secrets=(secret,))
        assert standard_webhook(request, house, time.time()) == 0, "the house takes what it sends"
    assert not page["is_signed"]("whsec_bmVuaHVtYQ==", asked.headers, asked.body)


def test_the_time_is_that_of_the_clock(receiver: Receiver) -> None:
    send(receiver.url, lambda: NOW)
    assert receiver.asked[0].headers["webhook-timestamp"] == str(int(NOW.timestamp()))


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (410, Park, "gone"), (301, Park, "redirected"), (304, Park, "redirected"), (401, Refused, "http_401"),
        (404, Refused, "http_404"), (409, Refused, "http_409"), (999, Retry, "http_999"), (103, Park, "http_103"),
    ],
)  # fmt: skip
def test_what_an_answer_means(receiver: Receiver, status: int, kind: type[PorteiroError], reason: str) -> None:
    receiver.plan = [Step(status, body=b'{"detail": "nao, Ana"}')]
    error = fault(receiver.url)
    assert (type(error), error.reason) == (kind, reason)
    if isinstance(error, Refused):
        assert error.words == "nao, Ana"


@pytest.mark.parametrize("step", [Step(how="drip"), Step(503, how="drip"), Step(404, how="drip")])
def test_who_drips_holds_nothing_up(receiver: Receiver, step: Step) -> None:
    receiver.plan = [step]
    began = time.monotonic()
    assert fault(receiver.url, seconds=0.4).reason == "no_answer"
    assert time.monotonic() - began < 3


def test_a_taken_message_does_not_wait_for_the_rest_of_the_answer(receiver: Receiver) -> None:
    receiver.plan = [Step(200, {"Content-Length": "9999999"}, b"")]
    send(receiver.url)


def test_a_name_that_leads_inside_gets_nothing(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    url = receiver.url.replace("127.0.0.1", "avisos.example.com")
    asked: list[str] = []

    def inside(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", inside)
    error = fault(url, allow_private=False)
    assert (type(error), error.reason, receiver.asked) == (Park, "private_address", [])
    send(url)
    assert (len(receiver.asked), asked) == (1, ["avisos.example.com"] * 2)


def test_the_address_that_is_looked_at_is_the_one_that_is_sent_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of two addresses, the first inside: the other one is taken, and the name is not looked up again."""
    looked_up: list[str] = []

    def both(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        places = ["127.0.0.2", "127.0.0.1"] if len(looked_up) == 1 else ["127.0.0.2"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port)) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    monkeypatch.setattr(public_address, "is_public", lambda address: address == "127.0.0.1")
    send(receiver.url.replace("127.0.0.1", "avisos.example.com"), allow_private=False)
    assert (len(receiver.asked), looked_up) == (1, ["avisos.example.com"])


def test_a_name_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    error = fault("https://avisos.example.com/", allow_private=False)
    assert (type(error), error.reason) == (Retry, "no_answer")
    monkeypatch.undo()
    error = fault(f"https://{'a' * 70}.example.com/")
    assert (type(error), error.reason) == (Park, "cannot_be_sent")


@pytest.fixture
def encrypted() -> Iterator[tuple[int, list[bytes]]]:
    """Port of a receiver with a certificate of `localhost`, and what it was sent."""
    got: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with plain:
                try:
                    with server_context().wrap_socket(plain, server_side=True) as sock:
                        with sock.makefile("rb") as said:
                            got.append(b"".join(iter(said.readline, b"\r\n")) + said.read(2))
                        sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                except ssl.SSLError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1], got
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_encryption_is_checked(
    encrypted: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port, got = encrypted
    assert fault(f"https://localhost:{port}/", allow_http=False).reason == "no_answer"
    monkeypatch.setenv("SSL_CERT_FILE", write_authority(tmp_path))
    assert fault(f"https://127.0.0.1:{port}/").reason == "no_answer", "a certificate of another name"
    assert got == []
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    send(f"https://localhost:{port}/avisos", allow_http=False)
    assert got[0].startswith(b"POST /avisos HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "http://a.example.com"}, "anybody on the way"),
        ({"url": "ftp://a.example.com"}, "pattern"),
        ({"url": "https://a.example.com/é"}, "pattern"),
        ({"url": "https://a.example.com/ b"}, "pattern"),
        ({"url": "https://a:b@a.example.com"}, "user name"),
        ({"url": "https://a.example.com/#b"}, "`#` part"),
        ({"url": "https://:443/"}, "no address"),
        ({"url": "https://a:x/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "private network"),
        ({"url": "https://[::1]/"}, "private network"),
        ({"secrets": []}, "secrets"),
        ({"secrets": ["whsec_"]}, "a secret is `whsec_`"),
        ({"secrets": ["whsec_a-b"]}, "a secret is `whsec_`"),
        ({"secrets": [""]}, "secrets"),
        ({"token": "x"}, "token"),
    ],
)
def test_options_that_are_none(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        WebhookOptions.model_validate({"url": "https://a.example.com/", "secrets": [OLD]} | wrong)

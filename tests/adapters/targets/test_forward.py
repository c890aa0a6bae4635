"""The forwarding target, against a real server: what is sent, and what each answer means."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from adapters.targets.forward import ForwardTarget
from adapters.targets.testing import NOW
from schemas.errors import Park, PorteiroError, Retry
from schemas.source import Request
from schemas.target import Message

HEADERS = {
    "content-type": "application/json; charset=iso-8859-1", "user-agent": "Portal/1.0", "accept": "*/*",
    "accept-encoding": "gzip", "authorization": "Basic eDp5", "x-name": "Jo\xe3o",
}  # fmt: skip


Got = tuple[str, list[tuple[str, str]], bytes]
"""Path, headers and body of a request."""


class System(BaseHTTPRequestHandler):
    """Answers with the status in the path, and keeps what came."""

    got: ClassVar[list[Got]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((self.path, [(k.lower(), v) for k, v in self.headers.items()], body))
        self.send_response(int(self.path.split("/")[1].partition("?")[0]))
        for name, value in (
            ("Location", "/200"),
            ("Retry-After", "30"),
            ("Set-Cookie", "a=b"),
            ("Content-Length", "0"),
        ):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def system() -> Iterator[tuple[str, list[Got]]]:
    class Handler(System):
        got: ClassVar[list[Got]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Handler.got
    server.shutdown()
    server.server_close()
    thread.join()


def message(url: str, body: bytes = b'{"a":"\xe3"}') -> Message:
    return Message("forward:1", "forward", "zap", "{}", Request("POST", url, HEADERS, {}, body))


def test_the_request_arrives_as_it_was(system: tuple[str, list[Got]]) -> None:
    url, got = system
    target = ForwardTarget(lambda: NOW)
    target.send(message(f"{url}/200?key=a%20b&c="))
    target.send(message(f"{url}/204", b""))
    path, headers, body = got[0]
    assert (path, body) == ("/200?key=a%20b&c=", b'{"a":"\xe3"}')
    sent = {name: value for name, value in headers if name not in ("host", "content-length", "connection")}
    assert sent == HEADERS
    assert got[1][2] == b""
    assert "cookie" not in dict(got[1][1])


@pytest.mark.parametrize(
    ("status", "kind", "after"),
    [(302, Park, None), (400, Park, None), (404, Park, None), (408, Retry, 30), (429, Retry, 30), (503, Retry, 30)],
)
def test_what_an_answer_means(
    system: tuple[str, list[Got]],
    status: int,
    kind: type[PorteiroError],
    after: int | None,
) -> None:
    url, got = system
    with pytest.raises(kind) as raised:
        ForwardTarget(lambda: NOW).send(message(f"{url}/{status}"))
    assert raised.value.reason == f"http_{status}"
    if isinstance(raised.value, Retry):
        assert raised.value.after == timedelta(seconds=after or 0)
    assert len(got) == 1, "redirects are not followed"


def test_a_system_that_is_away_and_an_address_that_is_none() -> None:
    with pytest.raises(Retry) as away:
        ForwardTarget(lambda: NOW).send(message("http://127.0.0.1:1/segredo"))
    assert (away.value.reason, "segredo" in away.value.detail) == ("no_answer", False)
    for wrong in (message("http://"), Message("forward:1", "forward", "zap", "{}")):
        with pytest.raises(Park):
            ForwardTarget(lambda: NOW).send(wrong)

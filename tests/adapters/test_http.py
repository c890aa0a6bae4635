"""The house's outbound HTTP, against a server of this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters import http
from adapters.http import RequestsClient
from schemas.errors import Retry

Asked = list[tuple[str, str, bytes]]


@pytest.fixture
def server() -> Iterator[tuple[str, Asked]]:
    """Its address, and what it was asked. It hangs up on `/gone` and redirects from `/moved`."""
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            asked.append((self.command, self.path, body))
            if self.path == "/gone":
                self.connection.close()
                return
            self.send_response(302 if self.path == "/moved" else 429)
            self.send_header("Location", "/elsewhere")
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"0123456789")

        def log_message(self, format: str, *args: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", asked
    running.shutdown()
    thread.join()
    running.server_close()


def test_any_status_is_an_answer_and_redirects_are_not_followed(server: tuple[str, Asked]) -> None:
    address, asked = server
    got = RequestsClient().get(f"{address}/moved", params={"a": "b c"}, headers={"X-A": "1"})
    posted = RequestsClient().post(f"{address}/search", json={"limit": 1})
    assert (got.status, posted.status, posted.body, posted.headers["retry-after"]) == (429, 429, b"0123456789", "7")
    assert [(method, path) for method, path, _ in asked] == [("GET", "/moved?a=b+c"), ("POST", "/search")]
    assert json.loads(asked[1][2]) == {"limit": 1}
    assert RequestsClient().get(f"{address}/moved").status == 302
    assert len(asked) == 3


def test_a_get_that_is_cut_off_is_tried_again_a_post_is_not(server: tuple[str, Asked]) -> None:
    address, asked = server
    with pytest.raises(Retry, match="did not answer") as raised:
        RequestsClient().get(f"{address}/gone")
    assert (raised.value.reason, len(asked)) == ("no_answer", 3)
    with pytest.raises(Retry, match="did not answer"):
        RequestsClient().post(f"{address}/gone", json={})
    assert len(asked) == 4


def test_an_answer_is_bounded(server: tuple[str, Asked], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER", 9)
    with pytest.raises(Retry, match="over 9 bytes"):
        RequestsClient().get(f"{server[0]}/long")

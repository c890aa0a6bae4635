"""A system on this machine, over real HTTP, that honours keys and misbehaves as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

How = Literal["full", "half", "garbage", "drip", "hang", "close"]

PATIENCE = 10.0
"""Seconds after which it stops hanging by itself."""


@dataclass(frozen=True)
class Step:
    """What comes of one request. `how` it is answered: in full, half, with something else than HTTP, byte by byte for
    ever, not at all (`hang`), or by hanging up (`close`). `body` None is the receiver's good one."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    how: How = "full"


@dataclass(frozen=True)
class Asked:
    """A request that came. Header names are lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """`plan`: the next POSTs, first to last; after that all is well. A POST has its effect, one for each key, whatever
    becomes of the answer, unless it is a refusal. There are no look-ups: a GET is answered with 404. A PUT is as a
    POST. `key_of`: the key of a request, where it is in no header. `aside`: good answers to what is asked besides, by
    path, which the plan knows nothing of."""

    key_header: str
    good: bytes = b""
    plan: list[Step] = field(default_factory=list)
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    effects: dict[str, bytes] = field(default_factory=dict)
    key_of: Callable[[Asked], str] | None = None
    aside: Mapping[str, bytes] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def keys(self) -> list[str]:
        """The key of each POST."""
        return [self._key(one) for one in self.asked]

    def take(self, asked: Asked) -> Step:
        """Notes a POST, and gives what comes of it."""
        with self._lock:
            self.asked.append(asked)
            step = self.plan.pop(0) if self.plan else Step()
            if step.status < 300:
                self.effects.setdefault(self._key(asked), asked.body)
        return step

    def _key(self, asked: Asked) -> str:
        return self.key_of(asked) if self.key_of else asked.headers.get(self.key_header, "")


@contextmanager
def serving(receiver: Receiver) -> Iterator[Receiver]:
    """The receiver at `receiver.url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(Step(404), b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if (besides := receiver.aside.get(self.path)) is not None:
                self._say(Step(), besides)
                return
            step = receiver.take(Asked(self.path, headers, body))
            with suppress(OSError):
                self._say(step, receiver.good if step.body is None else step.body)

        do_PUT = do_POST

        def _say(self, step: Step, body: bytes) -> None:
            if step.how in ("hang", "close"):
                receiver.over.wait(PATIENCE if step.how == "hang" else 0)
                return
            if step.how == "garbage":
                self.wfile.write(b"\x00\xff SSH-2.0 nothing of the kind\r\n\r\n")
                return
            self.send_response(step.status)
            for name, value in step.headers.items():
                self.send_header(name, value)
            while step.how == "drip" and not receiver.over.wait(0.02):
                self.send_header("X-Drip", "1")
                self.flush_headers()
            self.send_header("Content-Length", str(len(body) + (100 if step.how == "half" else 0)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if step.how == "half" else body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # of five, some of many that connect at once would be let wait for a second

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()

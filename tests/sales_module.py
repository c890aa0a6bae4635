"""A sales module on this machine, over real HTTP, that misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "segredo-S"


@dataclass
class SalesModule:
    """What it has and was asked. `plan`: how the next POSTs go wrong, first to last: a status, `lost` (a process is
    opened and the connection closed without an answer), `slow` (a process is opened, the answer comes too late),
    `no_id`; after that all is well. `honours`: it knows idempotency keys; `looks_up`: it answers look-ups."""

    honours: bool = True
    looks_up: bool = True
    plan: list[int | str] = field(default_factory=list)
    url: str = ""
    processes: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    on_post: Callable[[], None] = lambda: None
    seconds: float = 0.6
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any] | None]:
        """Status and body of the answer; no body when there is none."""
        with self._lock:
            self.asked.append(("POST", key))
            step = self.plan.pop(0) if self.plan else 200
            known = next((one for one in self.processes if one["idempotency_key"] == key), None)
            if known and self.honours:
                return 409, {"id": known["id"], "message": "already there"}
            if step in ("lost", "slow", "no_id", 200):
                process = {"id": f"VD-{len(self.processes) + 1}", "idempotency_key": key, "body": body}
                self.processes.append(process)
        self.on_post()
        if step == "slow":
            time.sleep(self.seconds)
        if step == "no_id":
            return 201, {"ok": True}
        if step in ("lost", "slow"):
            return 0, None
        if step == 200:
            return 201, {"id": process["id"]}
        return int(step), {"detail": f"CPF {body['clients'][0]['document']} recusado", "code": "E1"}

    def look_up(self, key: str) -> tuple[int, Any]:
        """Status and body of the answer."""
        with self._lock:
            self.asked.append(("GET", key))
            if not self.looks_up:
                return 404, {}
            return 200, {"items": [one for one in self.processes if one["idempotency_key"] == key]}


@contextmanager
def serving(module: SalesModule) -> Iterator[SalesModule]:
    """The module at `module.url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Authorization"] != f"Bearer {TOKEN}" or self.path != "/api/processes":
                self._answer(401, {"detail": "who are you?"})
                return
            status, answer = module.post(body, self.headers["Idempotency-Key"])
            if answer is None:
                self.close_connection = True
                return
            self._answer(status, answer)

        def do_GET(self) -> None:
            self._answer(*module.look_up(parse_qs(urlsplit(self.path).query)["idempotency_key"][0]))

        def _answer(self, status: int, body: Any) -> None:
            raw = json.dumps(body).encode()
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Retry-After", "45")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    module.url = f"http://127.0.0.1:{server.server_port}/api"
    try:
        yield module
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

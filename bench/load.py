"""A closed-loop HTTP load: so many connections, each sends its next request when it has the answer."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop


@dataclass
class Measured:
    """What a load saw: answers by status, seconds in all, seconds of each answer."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """2xx answers a second."""
        return sum(n for status, n in self.statuses.items() if 200 <= status < 300) / self.seconds


def post(host: str, port: int, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as bytes."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def hammer(port: int, path: str, headers: dict[str, str], body: bytes, *, connections: int, seconds: float) -> Measured:
    """The same request over and over, by `wrk` when it is installed (it costs less of the machine), else by `run`."""
    program = shutil.which("wrk")
    if program is None:
        request = post("127.0.0.1", port, path, headers, body)
        return run(port, itertools.repeat(request), connections=connections, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "post.lua")
        lines = ['wrk.method = "POST"', f"wrk.body = {_lua(body)}"]
        lines += [f"wrk.headers[{_lua(name.encode())}] = {_lua(value.encode())}" for name, value in headers.items()]
        script.write_text("\n".join(lines))
        done = subprocess.run(
            [program, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(script),
             f"http://127.0.0.1:{port}{path}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    count, took = re.findall(r"(\d+) requests in ([\d.]+)(m?s)", done.stdout)[0][:2]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    wrong = int(refused[1]) if refused else 0
    return Measured(float(took), {200: int(count) - wrong} | ({500: wrong} if wrong else {}))


def _lua(value: bytes) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in value) + '"'


def run(port: int, requests: Iterator[bytes], *, connections: int, seconds: float | None = None) -> Measured:
    """Sends requests from the iterator until it ends or the time is over."""
    return uvloop.run(_run(port, requests, connections, seconds))


async def _run(port: int, requests: Iterator[bytes], connections: int, seconds: float | None) -> Measured:
    measured = Measured()
    until = time.perf_counter() + seconds if seconds else float("inf")
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    clients = [_Client(requests, measured, until) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc] # default argument
    await asyncio.gather(*(client.done for client in clients))
    measured.seconds = time.perf_counter() - start
    return measured


class _Client(asyncio.Protocol):
    """One connection. Answers of the servers measured here fit into few packets and carry a Content-Length."""

    def __init__(self, requests: Iterator[bytes], measured: Measured, until: float) -> None:
        self._requests = requests
        self._measured = measured
        self._until = until
        self._buffer = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # a TCP connection's transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(rest) < length:
            return
        self._buffer = b""
        status = int(head[9:12])
        self._measured.latencies.append(time.perf_counter() - self._sent)
        self._measured.statuses[status] = self._measured.statuses.get(status, 0) + 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        self._sent = time.perf_counter()
        request = next(self._requests, None) if self._sent < self._until else None
        if request is None:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._transport.write(request)

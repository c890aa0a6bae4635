"""A TCP proxy before a message broker, which can be down, silent, or lose one side of its connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass


@dataclass(eq=False)
class Pair:
    """A connection and its other half. What is not `joined` any more is read and swallowed."""

    client: socket.socket
    server: socket.socket
    joined: bool = True


class Proxy:
    """Listens on a port of its own, which it keeps, and forwards to one address."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._pairs: list[Pair] = []
        self._flows = threading.Event()
        self._flows.set()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def refuse(self) -> None:
        """The broker is stopped: connections end, new ones are refused."""
        _end(self._listener)
        for pair in self._part():
            _end(pair.client)
            _end(pair.server)

    def accept(self) -> None:
        """The broker is started again."""
        self._listener = self._listen(self.port)

    def silence(self) -> None:
        """The broker hangs: connections are taken and stay, and not a byte passes."""
        self._flows.clear()

    def resume(self) -> None:
        """The broker goes on; what was said meanwhile arrives."""
        self._flows.set()

    def drop_clients(self) -> None:
        """Half-open: the clients' connections end, the broker hears nothing of it."""
        for pair in self._part():
            _end(pair.client)

    def drop_broker(self) -> None:
        """Half-open the other way: the broker's connections end, the clients hear nothing of it."""
        for pair in self._part():
            _end(pair.server)

    def close(self) -> None:
        """Ends all."""
        self.resume()
        self.refuse()
        for pair in self._pairs:
            _end(pair.client)
            _end(pair.server)

    def _part(self) -> list[Pair]:
        """The connections there are, which forward nothing from now on."""
        pairs = [pair for pair in list(self._pairs) if pair.joined]
        for pair in pairs:
            pair.joined = False
        return pairs

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._flows.wait()
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            _end(client)
            return
        server.settimeout(None)
        pair = Pair(client, server)
        self._pairs.append(pair)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(pair, source, sink), daemon=True).start()

    def _pump(self, pair: Pair, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                if pair.joined:
                    sink.sendall(data)
        if pair.joined:
            _end(source)
            _end(sink)


def _end(one: socket.socket) -> None:
    """Wakes whoever waits in it, and closes it."""
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()

"""A time by which talk over a socket is over, however slowly the other side speaks."""

from __future__ import annotations

import io
import socket
import ssl
import time
from typing import Any

CONNECT = 3.05
"""Seconds for a connection to one address."""
MOST = 1024 * 1024
"""Bytes that are read of one connection."""


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, more than none. Raises `TimeoutError`."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


class Incoming(io.RawIOBase):
    """What comes in over a socket, at most `MOST`. A socket's own timeout starts anew at every byte, this does not."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline
        self._room = MOST

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises `OSError`: by the deadline, or after too much."""
        self._sock.settimeout(self._deadline.left())
        read = self._sock.recv_into(buffer)
        self._room -= read
        if self._room < 0:
            raise OSError("the other side says too much")
        return read

    def makefile(self, _mode: str = "rb") -> io.BufferedReader:
        """Itself, as `socket.makefile` gives it."""
        return io.BufferedReader(self)


def trusting() -> ssl.SSLContext:
    """Checks names and certificates against the system's authorities (`SSL_CERT_FILE` names others) and those of
    `requests`, since a small container has none."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # late: the configuration is read without it

    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context

"""One request to an address that somebody wrote down: nobody reaches the house's own network through it.

A name is resolved once, and each address is looked at where it is connected to: what the name meant when it was written
down, or means a second later, changes nothing. No proxy stands between, no redirect is followed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv6Address, ip_address, ip_network
from typing import cast
from urllib.parse import urlsplit

from adapters.deadline import CONNECT, Deadline, Incoming
from schemas.errors import Park
from schemas.source import HttpAnswer

MAX_WORDS = 65536
"""Bytes of an answer that are read."""

_ALSO = tuple(map(ip_network, ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")))
"""Not private by the registry, and yet a cloud's inside, or a way into another network."""


def is_public(address: str) -> bool:
    """Whether an IP address is anybody's on the internet: not private, shared, loopback, link-local (where clouds keep
    their metadata), multicast or reserved, nor an IPv4 address inside one of IPv6."""
    one = ip_address(address)
    if isinstance(one, IPv6Address) and (one.sixtofour or one.teredo or one.ipv4_mapped or one.is_site_local):
        return False
    return one.is_global and not (one.is_multicast or one.is_reserved or any(one in net for net in _ALSO))


def exchange(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    context: ssl.SSLContext,
    deadline: Deadline,
    *,
    private: bool = False,
    reads: bool = False,
) -> HttpAnswer:
    """The answer to a request with a body. The answer's own body is there when it is a refusal (4xx), or when
    `reads`, and then `MAX_WORDS` of it at most.

    Raises `Park` `private_address`, `OSError` or `HTTPException` when there is no answer by the deadline, `ValueError`
    when no request can be made of it."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    sock = connect(host, parts.port or (443 if secure else 80), deadline, private=private)
    with closing(sock):
        sock.settimeout(deadline.left())
        with closing(context.wrap_socket(sock, server_hostname=host) if secure else sock) as channel:
            connection = HTTPConnection(host)
            connection.sock = channel
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body, {"Host": parts.netloc, "Connection": "close", **headers})
            answer = HTTPResponse(cast(socket.socket, Incoming(channel, deadline)), method=method)
            answer.begin()
            words = _words(answer) if reads or 400 <= answer.status < 500 else b""
            return HttpAnswer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, words)


def connect(host: str, port: int, deadline: Deadline, *, private: bool = False) -> socket.socket:
    """A connection to the first of the host's addresses that answers, to a public one unless `private`.

    Raises `OSError`, `Park` `private_address`."""
    failed: OSError | None = None
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not private and not is_public(str(place[0])):
            continue
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(min(CONNECT, deadline.left()))
            sock.connect(place)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed or Park("private_address", "the address leads into a private network, where nothing is sent")


def _words(answer: HTTPResponse) -> bytes:
    """The status is known: a body that does not come changes nothing."""
    try:
        return answer.read(MAX_WORDS)
    except (OSError, HTTPException):
        return b""

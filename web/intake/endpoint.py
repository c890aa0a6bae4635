"""`/hooks/{channel}`: reads, verifies, masks, stores, answers. A plain ASGI endpoint, since it is the hot path."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from starlette.types import Message, Receive, Scope, Send

from adapters.sources.base import NoOptions, Source, hmac_sha256_hex
from db.ids import new_id
from db.queries.intake import NewDelivery
from schemas.errors import Park, Reject
from schemas.source import Entrance, Reply, Request, header_texts, query_texts
from web.intake.masking import Masker
from web.intake.refusals import RefusalCounter
from web.intake.store import Store, Unavailable

MAX_HEAD = 64 * 1024
"""Bytes of URL and headers."""
READ_SECONDS = 30.0
"""Time for a body that does not come in one piece."""

_EXTRA = {405: [(b"allow", b"POST")], 503: [(b"retry-after", b"5")]}

log = logging.getLogger("porteiro.intake")


class _Gone(Exception):
    """The client closed the connection before its body was read."""


class _Nobody(Source):
    """Stands in for the source of a channel that does not exist: the same work, the same shape, 404."""

    slug: ClassVar[str] = "nobody"
    title: ClassVar[str] = "nobody"

    def verify(self, request: Request, entrance: Entrance) -> int:
        """Refuses, after one HMAC over the body."""
        with contextlib.suppress(Reject):
            hmac_sha256_hex(request.body, "none", entrance)
        raise _unknown_channel()


def _unknown_channel() -> Reject:
    return Reject("unknown_channel", "there is no channel of this name", 404)


class Intake:
    """The endpoint. `channels` gives the entrances in force by key, retired ones too: those accept as any other,
    and ingest parks what they took."""

    def __init__(
        self,
        channels: Callable[[], Mapping[str, Entrance]],
        store: Store,
        refusals: RefusalCounter,
        clock: Callable[[], datetime],
    ) -> None:
        self._channels = channels
        self._store = store
        self._refusals = refusals
        self._clock = clock
        self._maskers: dict[str, tuple[Entrance, Masker]] = {}
        self._reported: set[str] = set()
        self._nobody = Entrance("", 0, _Nobody(), (secrets.token_hex(16),), NoOptions(), ZoneInfo("UTC"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; every sender's mistake and every trouble of ours has an answer."""
        channels = self._channels()
        entrance = channels.get(scope["path_params"]["channel"], self._nobody)
        status = 0
        try:
            _refuse_unready(channels, entrance)
            reply = await self._answer(entrance, scope, receive)
        except _Gone:
            return
        except Reject as error:
            status = error.status
            reply = self._refused(entrance, status, error.reason, error.detail)
        except Park as error:
            reply = self._refused(entrance, 400, error.reason, error.detail)
        except Unavailable:
            status = 503
            reply = self._refused(entrance, status, "storage_unavailable", "not stored: send it again later")
        except Exception as error:
            status = 503
            self._report(entrance, error)
            reply = self._refused(entrance, status, "cannot_verify", "not stored: send it again later")
        await _send(send, reply, _EXTRA.get(status, ()))

    async def _answer(self, entrance: Entrance, scope: Scope, receive: Receive) -> Reply:
        method = scope["method"]
        if method == "POST":
            return await self._deliver(entrance, scope, receive)
        if entrance is self._nobody:
            raise _unknown_channel()
        if method == "GET" and entrance.source.has_handshake:
            headers = header_texts(scope["headers"])
            return entrance.source.handshake(_request(scope, headers, _place(scope, headers), b""), entrance)
        if method == "HEAD":
            return Reply(200)
        raise Reject("method_not_allowed", "deliveries are sent with POST", 405)

    async def _deliver(self, entrance: Entrance, scope: Scope, receive: Receive) -> Reply:
        source, headers = entrance.source, header_texts(scope["headers"])
        body = await _body(headers, receive, source.max_body)
        place = _place(scope, headers)
        request = _request(scope, headers, place, body)
        secret = source.verify(request, entrance)
        delivery = new_id()
        reply = source.accepted(str(delivery))
        masker = self._masker(entrance)
        row = NewDelivery(
            id=delivery,
            channel=entrance.id,
            received_at=self._clock(),
            secret=secret,
            sha256=hashlib.sha256(body).digest(),
            url=masker.url(place, scope["query_string"]),
            headers=masker.header_lines(scope["headers"]),
            body=masker.body(body, headers.get("content-type", "")),
        )
        if len(row.url) + len(row.headers) > MAX_HEAD:
            raise Reject("headers_too_large", f"URL and headers are limited to {MAX_HEAD} bytes", 431)
        await self._store.store(row)
        return reply

    def _masker(self, entrance: Entrance) -> Masker:
        known = self._maskers.get(entrance.key)
        if known is None or known[0] is not entrance:
            known = self._maskers[entrance.key] = (entrance, Masker(entrance))
        return known[1]

    def _refused(self, entrance: Entrance, status: int, reason: str, detail: str) -> Reply:
        if entrance is not self._nobody and status != 405:
            self._refusals.count(entrance.id, reason)
        try:
            return entrance.source.refused(status, reason, detail)
        except Exception as error:
            self._report(entrance, error)
            return self._nobody.source.refused(status, reason, detail)

    def _report(self, entrance: Entrance, error: Exception) -> None:
        """Logs a mistake of an adapter once for each place. Its message may quote what the sender wrote, so the
        frames and the kind of error must do."""
        frames = "".join(traceback.format_tb(error.__traceback__))
        if frames not in self._reported:
            self._reported.add(frames)
            log.error("source %s failed with %s\n%s", entrance.source.slug, type(error).__name__, frames)


def _refuse_unready(channels: Mapping[str, Entrance], entrance: Entrance) -> None:
    """No configuration yet, or a secret that is not set, is not the sender's fault: a 404 or 401 now could end the
    integration on its side. Raises `Unavailable`."""
    if not channels or (entrance.source.needs_secret and not entrance.secrets):
        raise Unavailable("no configuration, or a secret that is not set")


def _place(scope: Scope, headers: Mapping[str, str]) -> bytes:
    """The full public URL up to the query."""
    place: bytes = b"%b://%b%b" % (
        scope["scheme"].encode(),
        headers.get("host", "").encode("latin-1"),
        scope["raw_path"],
    )
    return place


def _request(scope: Scope, headers: Mapping[str, str], place: bytes, body: bytes) -> Request:
    query = scope["query_string"]
    url = place + b"?" + query if query else place
    return Request(scope["method"], url.decode("latin-1"), headers, query_texts(query), body)


async def _body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """The body, at most `limit` bytes. Raises `Reject` (408, 413) and `_Gone`."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        return body
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await _rest(message, receive, limit)
    except TimeoutError:
        raise Reject("body_too_slow", f"the body did not come within {READ_SECONDS:g} s", 408) from None


async def _rest(message: Message, receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise _Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _too_large(limit: int) -> Reject:
    return Reject("too_large", f"a body is limited to {limit} bytes", 413)


async def _send(send: Send, reply: Reply, extra: Sequence[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-length", b"%d" % len(reply.body)), *extra]
    if reply.body:
        headers.append((b"content-type", reply.content_type.encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})

"""Sending deliveries on, unchanged, to the system beside which Porteiro runs (`forward_to` of a channel).

Ingest writes a message for each delivery, in its own transaction; the outbound step makes the request anew out of
the stored delivery, so that nothing a person wrote is kept twice. A message has the id of its delivery.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.bulk import add_new
from db.models import Base
from db.queries.forwarding import KIND
from opv.history import text_of
from opv.house import House
from opv.submissions import Received
from opv.tombstones import ERASED
from schemas.errors import Park, PorteiroError
from schemas.source import (
    FORWARDED_HEADER,
    IMPORT_HEADER,
    RECONCILED_HEADER,
    Entrance,
    Request,
    percent_decoded,
    query_texts,
    request_from,
)

TARGET = "forward"

_MESSAGES = Base.metadata.tables["outbound_messages"]
_DELIVERIES = Base.metadata.tables["deliveries"]
_CHANNELS = Base.metadata.tables["channels"]

_MASK = "***"
_OWN = (FORWARDED_HEADER, IMPORT_HEADER, RECONCILED_HEADER)
"""Marks of deliveries that are not sent on: sent on before, or no request of the sender."""

_HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers about one connection (RFC 9110 §7.6.1)."""
_ABOUT_US = frozenset({
    "host", "content-length", "expect", "forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
    "x-forwarded-server", "x-forwarded-prefix",
})  # fmt: skip
"""Headers that speak of our own address, or that the request gets anew."""


def queue_forwards(tx: Connection, received: Iterable[Received], house: House, now: datetime) -> bool:
    """Queues a message for each delivery that its channel sends on; whether there is any. One that has its message
    already, a replayed one, gets no second."""
    rows = [
        _message(one.id, one.entrance.key, house.forwards[one.entrance.key], now)
        for one in received
        if one.entrance is not None
        and one.entrance.key in house.forwards
        and not any(mark in one.request.headers for mark in _OWN)
    ]
    add_new(tx, _MESSAGES, sorted(rows, key=lambda row: row["idempotency_key"]), ("idempotency_key",))
    return bool(rows)


def queue_forward_of(tx: Connection, delivery_id: UUID, now: datetime) -> None:
    """The same for a delivery that ingest gives up: the system beside us shall have it all the same."""
    d, c = _DELIVERIES.c, _CHANNELS.c
    row = tx.execute(
        select(c.key, c.document, d.headers)
        .join_from(_DELIVERIES, _CHANNELS, c.id == d.channel)
        .where(d.id == delivery_id, c.retired_at.is_(None))
    ).first()
    if row is None:
        return
    forward_to = json.loads(row.document).get("forward_to")
    if forward_to and not any(mark in request_from("POST", b"", row.headers, b"").headers for mark in _OWN):
        add_new(tx, _MESSAGES, [_message(delivery_id, row.key, forward_to, now)], ("idempotency_key",))


def resend(tx: Connection, channel: str, now: datetime) -> int:
    """Sends the parked messages of a channel again, after what was wrong is mended; how many there are."""
    c = _MESSAGES.c
    statement = update(_MESSAGES).where(c.state == "parked", c.kind == KIND, c.recipient == channel)
    return tx.execute(statement.values(state="pending", due_at=now, lease=None, attempts=0, failures=0)).rowcount


def _message(delivery: UUID, channel: str, url: str, now: datetime) -> dict[str, Any]:
    return {
        "id": delivery, "idempotency_key": f"{KIND}:{delivery}", "target": TARGET, "kind": KIND,
        "recipient": channel, "opportunity_id": None, "body": text_of({"delivery": str(delivery), "url": url}),
        "state": "pending", "reason": None, "created_at": now, "sent_at": None, "due_at": now, "lease": None,
        "attempts": 0, "failures": 0,
    }  # fmt: skip


def request_to_send(tx: Connection, message_id: UUID, house: House) -> Request:
    """The request of a message: the delivery's, with the channel's address now and the secret where it was.

    Raises `Park`: `delivery_gone`, `erased`, `not_forwarded` (the channel does not send on any more)."""
    c = _DELIVERIES.c
    columns = (c.channel, c.secret, c.sha256, c.url, c.headers, c.body, c.erased_at)
    row = tx.execute(select(*columns).where(c.id == message_id)).first()
    if row is None:
        raise Park("delivery_gone", "the delivery is not stored any more")
    if row.erased_at is not None:
        raise Park(ERASED, "the delivery's request was erased")
    entrance = house.entrances.get(row.channel)
    if entrance is None or not entrance.forward_to:
        raise Park("not_forwarded", "the channel does not send its deliveries on any more")
    stored = _joined(request_from("POST", row.url, row.headers, row.body), row.headers)
    whole = _unmasked(stored, entrance, row.secret, row.sha256)
    headers = {name: value for name, value in whole.headers.items() if not _left_out(name, whole)}
    headers[FORWARDED_HEADER] = str(message_id)
    return Request("POST", _address(entrance.forward_to, whole.url), headers, {}, whole.body)


def _joined(request: Request, lines: bytes) -> Request:
    """The request with the values of a repeated header joined (RFC 9110 §5.3), in the order sent."""
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name:
            lower = name.lower()
            headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    return Request(request.method, request.url, headers, request.query, request.body)


def _left_out(name: str, request: Request) -> bool:
    named = {one.strip().lower() for one in request.headers.get("connection", "").split(",")}
    return name in _HOP_BY_HOP or name in _ABOUT_US or name in named or request.headers[name] == _MASK


def _address(forward_to: str, url: str) -> str:
    """The address with the query of the request added; the address's own parameters win."""
    sent, own = url.partition("?")[2], urlsplit(forward_to).query
    taken = {_named(pair) for pair in own.split("&") if pair}
    pairs = [pair for pair in sent.split("&") if pair not in ("", _MASK) and _named(pair) not in taken]
    if not pairs:
        return forward_to
    return f"{forward_to}{'&' if own else '' if forward_to.endswith('?') else '?'}{'&'.join(pairs)}"


def _named(pair: str) -> str:
    return percent_decoded(pair.partition("=")[0].encode("latin-1", "replace"))


def _unmasked(request: Request, entrance: Entrance, index: int, sha256: bytes) -> Request:
    """The request with a secret where its source carries one: the one that verified it, in the way that the source
    takes for right; the body as its hash says. When none is (a signature that has grown old, a secret that is not
    configured any more), the most probable."""
    if _MASK not in request.url and _MASK.encode() not in request.body and _MASK not in request.headers.values():
        return request
    secrets = list(entrance.secrets)
    if 0 <= index < len(secrets):
        secrets.insert(0, secrets.pop(index))
    guesses = [guess for secret in secrets for guess in _guesses(request, entrance, secret, sha256)]
    return next((guess for guess in guesses if _verifies(guess, entrance)), guesses[0] if guesses else request)


def _verifies(request: Request, entrance: Entrance) -> bool:
    try:
        return entrance.source.verify(request, entrance) >= 0
    except PorteiroError:
        return False


def _guesses(request: Request, entrance: Entrance, secret: str, sha256: bytes) -> Iterator[Request]:
    """The request with the secret at every carrier that is masked; `Authorization` in each of its usual forms."""
    names: dict[str, set[str]] = {"header": {"authorization"}, "query": set(), "json": set(), "form": set()}
    for carrier in entrance.source.carriers:
        names[carrier.place].add(carrier.name.lower())
    place, mark, query = request.url.partition("?")
    query = _with_pairs(query, names["query"], quote(secret, safe=""))
    bodies = [request.body, *_bodies(request.body, names["json"], names["form"], secret)]
    body = next((one for one in bodies if hashlib.sha256(one).digest() == sha256), bodies[1])
    masked = [name for name in names["header"] if request.headers.get(name) == _MASK]
    for authorization in _credentials(secret, entrance) if "authorization" in masked else [secret]:
        values = {name: authorization if name == "authorization" else secret for name in masked}
        parts = query_texts(query.encode("latin-1"))
        yield Request(request.method, place + mark + query, {**request.headers, **values}, parts, body)


def _credentials(secret: str, entrance: Entrance) -> Sequence[str]:
    """What may have stood in `Authorization`, the most probable first: a source may take several for right."""
    user = f"{entrance.source.basic_user}:{secret}"
    basic, bearer = f"Basic {base64.b64encode(user.encode()).decode()}", f"Bearer {secret}"
    if secret.startswith(("Basic ", "Bearer ")):
        return secret, bearer, basic
    return (basic, bearer, secret) if entrance.source.basic_user else (bearer, basic, secret)


def _bodies(body: bytes, json_names: Collection[str], form_names: Collection[str], secret: str) -> Iterator[bytes]:
    """The body with the secret put back, in each way in which it may have been written."""
    spelled = [
        (json.dumps(secret), quote(secret, safe="")),
        (json.dumps(secret, ensure_ascii=False), quote_plus(secret)),
    ]
    for as_json, as_form in (*spelled, (secret, secret)):
        filled = _with_json(body, json_names, as_json.encode())
        yield _with_pairs(filled.decode("latin-1"), form_names, as_form).encode("latin-1", "replace")
    yield body.replace(_MASK.encode(), secret.encode())


def _with_pairs(pairs: str, names: Collection[str], value: str) -> str:
    """`name=***` filled in, in a query or a form-encoded body (as Latin-1)."""
    if not names or f"={_MASK}" not in pairs:
        return pairs
    filled = []
    for pair in pairs.split("&"):
        name, _, held = pair.partition("=")
        carries = held == _MASK and _named(pair).lower() in names
        filled.append(f"{name}={value}" if carries else pair)
    return "&".join(filled)


def _with_json(body: bytes, names: Collection[str], value: bytes) -> bytes:
    """`"name": "***"` filled in."""
    if not names:
        return body
    keys = "|".join(map(re.escape, sorted(names))).encode()
    return re.sub(rb'("(?:%b)"\s*:\s*)"\*\*\*"' % keys, lambda found: found[1] + value, body, flags=re.IGNORECASE)

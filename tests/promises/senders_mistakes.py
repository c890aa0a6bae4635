"""What senders get wrong, in the shape of each of the four sources, each time correctly signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from tests.promises.house import SECRETS
from tests.promises.platforms import Platforms, Sent

GARBAGE: Mapping[str, bytes] = {
    "not JSON": b"isto nao e um corpo {[",
    "empty": b"",
    "blank": b" \r\n\t ",
    "NUL": b"\x00\x00\x00",
    "a lone surrogate": b'"\xed\xa0\x80"',
    "a scalar": b"42",
    "a list of scalars": b"[1, null, \"x\"]",
    "too deep": b"[" * 100_000 + b"]" * 100_000,
    "cut off": b'{"id": "x", "nome": "Ana',
}
"""Bodies that hold no lead of any source."""

GOOD = {"name": "Nadir Exemplo", "phone": "(11) 98765-4321", "email": "nadir@example.com", "message": "Olá"}

LEADS: Mapping[str, Mapping[str, Any]] = {
    "no name": {"name": None},
    "no phone": {"phone": None},
    "no e-mail": {"email": None},
    "no contact": {"phone": None, "email": None},
    "unusable contact": {"phone": "não informado", "email": "nadir@"},
    "NUL": {"name": "Nadir\x00 Exemplo", "email": "na\x00dir@example.com", "message": "\x00"},
    "lone surrogates": {"name": "Nadir \ud800Exemplo", "message": "\udfff", "\ud83d": "\ud83d"},
    "100 levels": {"deep": json.loads("[" * 100 + "1" + "]" * 100)},
    "huge numbers": {"phone": 5511987654321, "whole": 10**4000, "budget": -(10**40), "message": 12345678901234567890},
    "wrong types": {"name": ["Nadir", {"a": 1}], "message": {"a": [None]}, "email": True},
    "very long": {"name": "Nadir " * 5000, "message": "x" * 200_000},
}
"""Leads with something wrong: fields that replace those of a good one; None leaves the field out."""

NAMES = {
    "zap": {"name": "name", "phone": "phone", "email": "email", "message": "message"},
    "site": {"name": "nome", "phone": "telefone", "email": "email", "message": "mensagem"},
    "google": {"name": "FULL_NAME", "phone": "PHONE_NUMBER", "email": "EMAIL", "message": "MESSAGE"},
    "meta": {"name": "full_name", "phone": "phone_number", "email": "email", "message": "mensagem"},
}
"""How each channel's source calls a field."""


def garbage(platforms: Platforms, channel: str, body: bytes) -> Sent:
    """A body as it is, signed."""
    headers = dict(platforms.lead(channel, 0).headers)
    if channel == "meta":
        headers["X-Hub-Signature-256"] = _signature(body)
    return Sent(channel, headers, body, "")


def mistaken(platforms: Platforms, channel: str, number: int, fields: Mapping[str, Any]) -> Sent:
    """A lead with the fields of `GOOD`, changed by `fields`, in the shape that the channel's source has."""
    sent = platforms.lead(channel, number)
    named = {NAMES[channel].get(k, k): v for k, v in {**GOOD, **fields}.items() if v is not None}
    if channel == "meta":
        answer = {"id": sent.external_id, "field_data": [{"name": k, "values": [v]} for k, v in named.items()]}
        platforms.know(sent, json.dumps(answer).encode())
        return sent
    if channel == "google":
        columns = [{"column_id": name, "string_value": value} for name, value in named.items()]
        body = {"lead_id": sent.external_id, "google_key": SECRETS["GOOGLE_KEY"], "user_column_data": columns}
    else:
        body = {"id": sent.external_id, "originLeadId": sent.external_id, **named}
    return sent._replace(body=json.dumps(body).encode())


def encoded(platforms: Platforms, channel: str, number: int, encoding: str, content_type: str) -> Sent:
    """A good lead in another encoding than its content type says. Meta's is the notification: ids alone."""
    sent = platforms.lead(channel, number)
    if channel == "meta":
        body = sent.body.decode().encode(encoding)
        headers = {**sent.headers, "X-Hub-Signature-256": _signature(body)}
    else:
        text = mistaken(platforms, channel, number, {"name": "João Exemplo"}).body.decode()
        body, headers = json.dumps(json.loads(text), ensure_ascii=False).encode(encoding), dict(sent.headers)
    headers["Content-Type"] = content_type
    return sent._replace(headers=headers, body=body)


def raw_request(sent: Sent, target: bytes, *lines: bytes) -> bytes:
    """A request as bytes, with any target and header lines."""
    head = [b"POST " + target + b" HTTP/1.1", b"Host: leads.example.com", b"Connection: close", *lines]
    head += [f"{name}: {value}".encode() for name, value in sent.headers.items()]
    head.append(b"Content-Length: %d" % len(sent.body))
    return b"\r\n".join(head) + b"\r\n\r\n" + sent.body


def _signature(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRETS["META_APP_SECRET"].encode(), body, hashlib.sha256).hexdigest()

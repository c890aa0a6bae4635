"""What senders get wrong, in the shape of each of the four sources, each time correctly signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from tests.promises.house import SECRETS
from tests.promises.platforms import Platforms, Sent

NOT_JSON, NOT_AN_OBJECT, EMPTY, TOO_DEEP = "not_json", "not_an_object", "empty_body", "too_deep"

GARBAGE: Mapping[str, tuple[bytes, str, str]] = {
    "not JSON": (b"isto nao e um corpo {[", NOT_JSON, "not_json_or_form"),
    "cut off": (b'{"id": "x", "nome": "Ana', NOT_JSON, NOT_JSON),
    "empty": (b"", EMPTY, EMPTY),
    "blank": (b" \r\n\t ", EMPTY, EMPTY),
    "NUL": (b"\x00\x00\x00", NOT_JSON, EMPTY),
    "a lone surrogate": (b'"\xed\xa0\x80"', NOT_AN_OBJECT, "not_json_or_form"),
    "a scalar": (b"42", NOT_AN_OBJECT, "not_json_or_form"),
    "a list of scalars": (b'[1, null, "x"]', NOT_AN_OBJECT, "no_fields"),
    "too deep": (b"[" * 100_000 + b"]" * 100_000, TOO_DEEP, TOO_DEEP),
}
"""Bodies that hold no lead, with the reason why: that of the sources of JSON, and that of `form`."""

GOOD = {"name": "Nadir Exemplo", "phone": "(11) 98765-4321", "email": "nadir@example.com", "message": "Olá"}

MISTAKES: Mapping[str, Mapping[str, Any]] = {
    "no name": {"name": None},
    "no phone": {"phone": None},
    "no e-mail": {"email": None},
    "NUL": {"name": "Nadir\x00 Exemplo", "email": "na\x00dir@example.com", "message": "\x00"},
    "lone surrogates": {"name": "Nadir \ud800Exemplo", "message": "\udfff", "\ud83d": "\ud83d"},
    "100 levels": {"deep": json.loads("[" * 100 + "1" + "]" * 100)},
    "huge numbers": {"phone": 5511987654321, "whole": 10**4000, "budget": -(10**40), "message": 12345678901234567890},
    "wrong types": {"name": ["Nadir", {"a": 1}], "message": {"a": [None]}, "email": True},
    "very long": {"name": "Nadir " * 5000, "message": "x" * 200_000},
}
"""Leads in which something is wrong, with a contact that can be used: fields that replace those of a good one."""

NO_CONTACT: Mapping[str, Mapping[str, Any]] = {
    "no contact": {"phone": None, "email": None},
    "unusable contact": {"phone": "não informado", "email": "nadir@"},
}

ENCODINGS = (
    ("latin-1", "application/json; charset=utf-8"),
    ("utf-16", "application/json"),
    ("cp1252", "text/plain; charset=utf-99"),
    ("utf-8", "application/x-www-form-urlencoded"),
    ("utf-8", "image/png"),
    ("utf-8", ""),
)
"""What a body is encoded in, and what its content type says."""

TARGETS = (
    b"?x=%00%ed%a0%80", b"?%ff=%ff%00", b"?" + b"a" * 20_000, b"?" + b"a" * 200_000, b"?x=\xff\xfe", b"?x=\x00",
    b"%00", b"/%ed%a0%80",
)  # fmt: skip
"""Awkward ends of a URL, as bytes."""

HEADER_LINES = (
    b"X-A: \xff\xfe", b"X-A: \xed\xa0\x80", b"X-A: a\x00b", b"X-A: a\x01b", b"X-\xff: a", b"no header at all",
    b"X-Long: " + b"a" * 30_000, b"X-Long: " + b"a" * 100_000, b"Idempotency-Key: \xed\xa0\x80\xff",
    b"Content-Encoding: gzip", b"Content-Type: \xff",
)  # fmt: skip
"""Awkward header lines, as bytes."""

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

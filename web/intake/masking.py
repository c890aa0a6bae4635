"""Takes secrets out of a request before it is stored; what is no secret stays byte for byte.

Two nets. The source's carriers: whatever value stands where a secret travels becomes `***`. And besides, any
occurrence of a configured secret anywhere, also percent-encoded or JSON-escaped, for a secret that a sender put
where the source does not look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr

from adapters.sources.base import json_body
from schemas.errors import Park
from schemas.source import FORWARDED_HEADER, OWN_HEADERS, Entrance, percent_decoded

MASK = b"***"
SHORTEST = 8
"""A shorter secret would be found in innocent text; it is masked by its carrier alone."""

Headers = Sequence[tuple[bytes, bytes]]

_ALWAYS = ("authorization", "proxy-authorization")
_OWN = OWN_HEADERS.encode()
_FORWARDED = FORWARDED_HEADER.encode()


class Masker:
    """Masks the requests of one entrance."""

    def __init__(self, entrance: Entrance) -> None:
        names: dict[str, set[str]] = {"header": set(_ALWAYS), "query": set(), "json": set(), "form": set()}
        for carrier in entrance.source.carriers:
            names[carrier.place].add(carrier.name.lower())
        self._headers = frozenset(name.encode("latin-1") for name in names["header"])
        self._query = frozenset(names["query"])
        self._form = frozenset(names["form"])
        self._json = frozenset(names["json"])
        self._json_value = _json_value(self._json)
        self._secrets = [s for s in (*entrance.secrets, *_secret_options(entrance.options)) if len(s) >= SHORTEST]
        self._literals = sorted({form for secret in self._secrets for form in _spellings(secret)}, key=len)[::-1]

    def header_lines(self, headers: Headers) -> bytes:
        """Headers as stored: `name: value` lines ended by CRLF, in the order received. Those by which the house
        marks deliveries itself are left out, except that it sent them on."""
        hidden = self._headers
        lines = [
            b"%b: %b\r\n" % (name, MASK if name in hidden else value)
            for name, value in headers
            if not name.startswith(_OWN) or name == _FORWARDED
        ]
        return self._without_literals(b"".join(lines))

    def url(self, place: bytes, query: bytes) -> bytes:
        """The full URL out of what is before the `?` and the raw query string."""
        if query:
            place = place + b"?" + self._pairs(query, self._query)
        return self._without_literals(place)

    def body(self, body: bytes, content_type: str) -> bytes:
        """A body: JSON or form-encoded as it looks, anything else for literal secrets only."""
        if self._json:
            body = self._json_text(body)
        if self._form and ("form-urlencoded" in content_type or body.lstrip()[:1] not in (b"{", b"[")):
            body = self._pairs(body, self._form)
        return self._without_literals(body)

    def _pairs(self, encoded: bytes, names: frozenset[str]) -> bytes:
        return b"&".join([self._pair(pair, names) for pair in encoded.split(b"&")])

    def _pair(self, pair: bytes, names: frozenset[str]) -> bytes:
        name, _, value = pair.partition(b"=")
        if value and percent_decoded(name).lower() in names:
            return name + b"=" + MASK
        if b"%" in pair and any(secret in percent_decoded(pair) for secret in self._secrets):
            return MASK
        return pair

    def _json_text(self, body: bytes) -> bytes:
        body, found = self._json_value.subn(rb'\1"***"', body)
        # Simple keys are found by the pattern. An escaped key, another charset or a value of several parts is
        # not: then the body is read as the source reads it.
        if found and b"\\u" not in body and b"\0" not in body:
            return body
        try:
            read = json_body(body)
        except Park:
            return body
        if not isinstance(read, dict) or not any(self._shows(key, value) for key, value in read.items()):
            return body
        masked = {key: "***" if self._shows(key, value) else value for key, value in read.items()}
        try:
            return json.dumps(masked).encode()
        except RecursionError:
            return MASK

    def _shows(self, key: str, value: Any) -> bool:
        return value != "***" and key.lower() in self._json

    def _without_literals(self, raw: bytes) -> bytes:
        for literal in self._literals:
            if literal in raw:
                raw = raw.replace(literal, MASK)
        return raw


def _json_value(names: Iterable[str]) -> re.Pattern[bytes]:
    keys = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf'("(?:{keys})"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)'.encode(), re.IGNORECASE | re.DOTALL)


def _spellings(secret: str) -> Iterable[bytes]:
    """The secret as it may stand in a URL, a form or a JSON text."""
    yield secret.encode()
    yield secret.encode("latin-1", "xmlcharrefreplace")
    for quoted in (quote(secret, safe=""), quote_plus(secret), quote(secret)):
        yield quoted.encode()
        yield re.sub("%..", lambda found: found[0].lower(), quoted).encode()
    for escaped in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        yield escaped[1:-1].encode()
        yield escaped[1:-1].replace("/", "\\/").encode()


def _secret_options(options: Any) -> Iterable[str]:
    """Values of the secret fields of an options model, at any depth."""
    if isinstance(options, SecretStr):
        yield options.get_secret_value()
    elif isinstance(options, BaseModel):
        for _, value in options:
            yield from _secret_options(value)
    elif isinstance(options, dict):
        for value in options.values():
            yield from _secret_options(value)
    elif isinstance(options, list | tuple):
        for value in options:
            yield from _secret_options(value)

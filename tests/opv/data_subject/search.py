"""Searching a whole database for what a person can be told by, however it is written."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import MetaData, select

from db.session import Database
from schemas.conditions import fold
from schemas.source import percent_decoded

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_DEEPEST = 3


def traces(database: Database, words: tuple[str, ...], numbers: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Table, column and text of each value in which a word (folded) or a number (digits) is found."""
    tables = MetaData()
    tables.reflect(database.engine)
    found = []
    with database.read() as tx:
        for table in tables.sorted_tables:
            for row in tx.execute(select(table)):
                for name, value in row._mapping.items():
                    if any(_has(text, words, numbers) for text in _texts(value)):
                        found.append((table.name, str(name), str(value)))
    return found


def _has(text: str, words: tuple[str, ...], numbers: tuple[str, ...]) -> bool:
    folded, digits = fold(text), re.sub(r"\D", "", text)
    return any(word in folded for word in words) or any(number in digits for number in numbers)


def _texts(value: Any, deep: int = 0) -> Iterator[str]:
    """A value as text, and whatever can be decoded out of it."""
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        yield from _texts(raw.decode("utf-8", "replace"), deep)
        yield from _texts(raw.decode("latin-1"), deep)
        return
    text = str(value)
    yield text
    if deep == _DEEPEST:
        return
    plain = percent_decoded(text.encode("utf-8", "replace"))
    if plain != text:
        yield from _texts(plain, deep + 1)
    spelled = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    if spelled != text:
        yield from _texts(spelled, deep + 1)
    for part in _BASE64.findall(text):
        padded = part.rstrip("=") + "=" * (-len(part.rstrip("=")) % 4)
        try:
            yield base64.b64decode(padded, altchars=b"-_" if set("-_") & set(part) else None).decode("latin-1")
        except (ValueError, binascii.Error):
            continue

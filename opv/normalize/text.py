"""Text that any database can hold: no control characters, no lone surrogates, NFC, trimmed; and what was done."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from opv.normalize.placeholders import placeholder

LINE_LIMIT, BODY_LIMIT = 500, 10_000
"""Longest text, in characters, of a dimension (campaign, city, …) and of a free text (message, answer)."""

_RAW_LIMIT = 2_000
_RAW_VALUES = 20
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_INVISIBLE = "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SPACES = (
    " \t\n\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

EDGES = _SPACES + _INVISIBLE
"""What is trimmed: white space, and signs without a width that come along when text is copied from a screen."""

_NO_INVISIBLE = str.maketrans("", "", _INVISIBLE)


@dataclass(slots=True)
class Notes:
    """What normalizing did to one lead: values as sent by field, and flags in order, each once."""

    raw: dict[str, Any] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)

    def flag(self, code: str) -> None:
        """Notes what was done."""
        if code not in self.flags:
            self.flags.append(code)

    def keep(self, name: str, sent: str, *codes: str) -> None:
        """Keeps a value as sent, the second and later ones of a field in a list, and flags why."""
        for code in codes:
            self.flag(code)
        value = shown(sent)
        if name not in self.raw:
            self.raw[name] = value
            return
        kept = self.raw[name] if isinstance(self.raw[name], list) else [self.raw[name]]
        if value not in kept and len(kept) < _RAW_VALUES:
            self.raw[name] = [*kept, value]


def shown(sent: str) -> str:
    """A value as sent, as far as it can be stored: what cannot is shown as U+FFFD, the far end is cut."""
    if len(sent) > _RAW_LIMIT:
        sent = sent[:_RAW_LIMIT] + "…"
    return str(sent) if sent.isascii() and sent.isprintable() else _UNSTORABLE.sub("\ufffd", sent)


def clean(name: str, sent: str, notes: Notes) -> str:
    """The text without what PostgreSQL or UTF-8 cannot hold, in NFC, trimmed. `name` is the field, for the notes."""
    if sent.isascii() and sent.isprintable():
        return sent.strip()
    text = sent
    if not text.isprintable() and _UNSTORABLE.search(text):
        text = _UNSTORABLE.sub("", text)
        notes.keep(name, sent, "control_characters_removed")
    return unicodedata.normalize("NFC", text).strip(EDGES)


def without_invisible(text: str) -> str:
    """The text without signs that have no width."""
    return text if text.isascii() else text.translate(_NO_INVISIBLE)


def plain_digits(text: str) -> str:
    """The text with full-width and other scripts' digits and signs as ASCII where there is an ASCII form."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def read_text(name: str, sent: str | None, notes: Notes, limit: int = LINE_LIMIT) -> str | None:
    """A clean text of at most `limit` characters, or None when it says nothing (placeholder, unfilled template)."""
    if not sent:
        return None
    text = clean(name, sent, notes)
    if not text:
        return None
    code = placeholder(text)
    if code:
        notes.keep(name, sent, code)
        return None
    if len(text) > limit:
        told = sent if limit <= LINE_LIMIT else f"[{len(sent)} characters were sent]"
        notes.keep(name, told, "text_truncated")
        text = text[:limit].strip(EDGES)
    return text

"""Names of people and companies: how they are shown, and the key by which they are compared."""

from __future__ import annotations

import re
import unicodedata

from opv.normalize.placeholders import no_name, placeholder
from opv.normalize.text import EDGES, Notes, clean
from schemas.conditions import fold

NAME_LIMIT = 200
"""Longest name, in characters."""

_PARTICLES = frozenset({"da", "das", "de", "do", "dos", "e"})
_TESTS = frozenset({"teste", "testes", "test", "tests", "testing"})
_ORDINALS = frozenset({"II", "III"})
_QUOTES = "\"'`´“”„‘’‚«»"
_TRIMMED = EDGES + _QUOTES
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"\w+")
_APOSTROPHES = str.maketrans("", "", "'’‘´`.")


def read_name(sent: str | None, notes: Notes) -> str | None:
    """The display form of at most 200 characters, or None when the text is no name ("Sem nome", `{name}`)."""
    if not sent:
        return None
    text = " ".join(clean("name", sent, notes).split()).strip(_TRIMMED)
    code = (placeholder(text) or ("placeholder_removed" if no_name(text) else None)) if text else None
    if code or not text:
        if sent.strip():
            notes.keep("name", sent, code or "placeholder_removed")
        return None
    if len(text) > NAME_LIMIT:
        notes.flag("name_truncated")
        text = text[:NAME_LIMIT].strip(_TRIMMED)
    name = _display(text)
    if name != sent:
        notes.keep("name", sent)
    return name


def name_key(name: str | None) -> str:
    """The name folded, its words without punctuation and particles: "D'Ávila de Sá" → "davila sa"; "" for None."""
    if not name:
        return ""
    folded = fold(name)
    words = _WORDS.findall(folded.translate(_APOSTROPHES))
    return " ".join([word for word in words if word not in _PARTICLES] or words) or folded


def looks_like_test(key: str) -> bool:
    """Whether a name key is how people call themselves who try a form out."""
    words = key.split()
    return bool(words) and _TESTS.issuperset(words)


def names_agree(a: str, b: str) -> bool:
    """Whether two name keys can be one person: the same first word, and one more shared unless one has no other."""
    first, second = a.split(), b.split()
    if not first or not second or first[0] != second[0]:
        return False
    return len(first) == 1 or len(second) == 1 or not set(first[1:]).isdisjoint(second[1:])


def _display(text: str) -> str:
    """Capitalized when all upper or all lower case; a name in mixed case is as its bearer wrote it."""
    if not (text.isupper() or text.islower()):
        return text
    name = _capitalized(text)
    # Some letters have no single capital ("ŉ"): such a name stays as sent rather than change at every reading.
    stable = name.isascii() or not (name.isupper() or name.islower()) or _capitalized(name) == name
    return name if stable and len(name) <= NAME_LIMIT else text


def _capitalized(text: str) -> str:
    words = text.split(" ")
    done = [
        lower if index and (lower := word.lower()) in _PARTICLES else _LETTERS.sub(_capital, word)
        for index, word in enumerate(words)
    ]
    return unicodedata.normalize("NFC", " ".join(done))


def _capital(match: re.Match[str]) -> str:
    word = match[0]
    return word if word in _ORDINALS else word[0].title() + word[1:].lower()

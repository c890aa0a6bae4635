"""What a mail says: its plain text, and its HTML as text with the borders of table cells.

Anybody may write to the house's address, so this must be quick on any text: the parser of the standard library takes
minutes for some of 400 kB, hence these patterns, which read each character once.
"""

from __future__ import annotations

import html
import re

LONGEST = 1_000_000
"""Characters of a body that are read."""

_UNSEEN = (
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<(?:style|script|title)\b", re.I), re.compile(r"</(?:style|script|title)\s*>", re.I)),
)
_TAG = re.compile(r"<(?:/?([A-Za-z][A-Za-z0-9]*+)|[!?])[^<>]*+>")
_CELLS = frozenset({"td", "th", "tr", "table"})
_LINES = frozenset(
    {"blockquote", "br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "section", "ul"}
)
_HUGE_REFERENCE = re.compile(r"&#[0-9]{8,}+;?")  # html.unescape would not take it
_PHONE_LINK = re.compile(
    r"""href\s*=\s*["']?\s*(?:tel:|whatsapp://send/?\?phone=|https?://(?:wa\.me/|api\.whatsapp\.com/send/?\?phone=))"""
    r"""([+\d%().\s-]{8,40})""",
    re.IGNORECASE,
)


def text_cells(text: str) -> list[str]:
    """A plain text as the only cell there is, its lines ended by `\\n`."""
    return ["\n".join(text[:LONGEST].replace("\xa0", " ").splitlines())]


def html_cells(source: str) -> list[str]:
    """The texts of an HTML body as they are seen: one for each cell of a table, its lines ended by `\\n`."""
    source = source[:LONGEST]
    for opening, closing in _UNSEEN:
        source = _without(source, opening, closing)
    parts: list[str] = []
    at = 0
    for tag in _TAG.finditer(source):
        name = (tag[1] or "").lower()
        parts.append(_plain(source[at : tag.start()]))
        parts.append("\f" if name in _CELLS else "\n" if name in _LINES else "")
        at = tag.end()
    parts.append(_plain(source[at:]))
    return [cell for cell in "".join(parts).split("\f") if cell.strip()]


def linked_phones(source: str) -> list[str]:
    """Numbers of a body's links to call or to write by WhatsApp, each once."""
    return list(dict.fromkeys(found.strip() for found in _PHONE_LINK.findall(source[:LONGEST])))


def _without(source: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    parts: list[str] = []
    at = 0
    while (start := opening.search(source, at)) and (end := closing.search(source, start.end())):
        parts.append(source[at : start.start()])
        at = end.end()
    return "".join([*parts, source[at:]])


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(_HUGE_REFERENCE.sub("", text)))

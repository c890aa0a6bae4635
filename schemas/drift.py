"""Drift: fields of a body that its source has never heard of, told by their names alone.

A sender that adds a field tells nobody. A source declares what it knows (`known_fields`); what is beside that is
reported, without a value ever leaving this module.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

MAX_DEPTH = 6
"""Names in a path; what lies deeper is not looked at. A list directly in a list counts like a name."""

MAX_FIELDS = 50

MAX_NAME = 80
"""Characters of a sender's own name that are told."""


def unknown_fields(body: Any, known: frozenset[str]) -> list[str]:
    """Paths of the fields in `body` (parsed JSON) that are not in `known`, each once, in the order sent.

    Paths are dotted, `[]` stands for the items of a list: `entry[].changes[].field`, `[].id`. A known path makes all
    that leads to it known; one that ends in `.*` what it leads to and anything below. Of an unknown field the path is
    told, not what is inside. At most `MAX_FIELDS` paths, printable; never raises, whatever the JSON is."""
    found: dict[str, None] = {}
    _walk(body, "", 0, _knowledge(known), found)
    return list(found)


class _Knowledge(NamedTuple):
    fields: frozenset[str]
    """Every known path, and all that leads to one."""
    open: frozenset[str]
    """Paths below which anything is known."""


@lru_cache(maxsize=256)
def _knowledge(known: frozenset[str]) -> _Knowledge:
    fields: set[str] = set()
    for path in known:
        names = path.split(".")
        leading = [".".join(names[:count]) for count in range(1, len(names) + 1)]
        fields |= {_without_items(one) for one in leading}
    opened = [path.removesuffix("*").removesuffix(".") for path in known if path.endswith("*")]
    return _Knowledge(frozenset(fields), frozenset(opened))


def _without_items(path: str) -> str:
    while path.endswith("[]"):
        path = path.removesuffix("[]")
    return path


def _walk(value: Any, path: str, depth: int, known: _Knowledge, found: dict[str, None]) -> None:
    if depth >= MAX_DEPTH or path in known.open:
        return
    if isinstance(value, dict):
        for name, child in value.items():
            inner = f"{path}.{name}" if path else str(name)
            if inner in known.fields:
                _walk(child, inner, depth + 1, known, found)
            elif len(found) < MAX_FIELDS:
                found[f"{path}.{_shown(name)}" if path else _shown(name)] = None
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                _walk(item, f"{path}[]", depth + isinstance(item, list), known, found)


def _shown(name: object) -> str:
    """A sender's name, fit for a row and a screen."""
    text = str(name)[:MAX_NAME]
    return text if text.isprintable() else repr(text)[1:-1][:MAX_NAME]

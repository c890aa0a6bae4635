"""What a source says besides, as JSON of bounded size: answers, advertisement, UTM, consent, extra, raw."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opv.normalize.text import BODY_LIMIT, EDGES, LINE_LIMIT, Notes, clean, read_text, shown

KEYS, ITEMS, DEPTH = 200, 1_000, 8
"""Most keys (nested ones too), list items and levels that are kept of one field."""

_EXACT = 10**15
"""Whole numbers from here on are text: beyond 15 digits, readers of JSON round them."""

_ID_LIMIT = 2_000


@dataclass(slots=True)
class _Walk:
    """One field's values on their way to plain JSON. `text` makes a text of a text, given the value's path."""

    field: str
    notes: Notes
    text: Callable[[str, str], str]
    keys: int = KEYS
    items: int = ITEMS

    def value(self, path: str, value: Any, depth: int) -> Any:
        """The value as plain JSON; `depth` is the level it is on, the field itself being the first."""
        if isinstance(value, str):
            return self.text(path, value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value) if -_EXACT < value < _EXACT else _digits(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if not isinstance(value, Mapping | list | tuple):
            return self.text(path, str(value))
        if depth > DEPTH:
            self.notes.flag("nesting_flattened")
            return self.text(path, _as_json(value))
        if isinstance(value, Mapping):
            return {key: self.value(f"{path}.{key}", one, depth + 1) for key, one in self.entries(value)}
        return [self.value(path, one, depth + 1) for one in self.elements(value)]

    def entries(self, sent: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
        """The entries that there is room for, by storable keys of which none overwrites another."""
        taken: set[str] = set()
        for name, value in sent.items():
            if self.keys <= 0:
                self.notes.flag("values_left_out")
                break
            self.keys -= 1
            key = name if isinstance(name, str) else str(name)
            key = clean(self.field, key, self.notes)[:LINE_LIMIT].strip(EDGES)
            while key in taken:
                key += "_"
            taken.add(key)
            yield key, value

    def elements(self, sent: Sequence[Any]) -> Sequence[Any]:
        """The items of a list that there is room for."""
        room = max(self.items, 0)
        self.items -= len(sent)
        if len(sent) > room:
            self.notes.flag("values_left_out")
            return sent[:room]
        return sent


def read_values(field: str, sent: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """A field of free shape as JSON values; texts that say nothing are left out at the first level."""
    if not sent:
        return {}
    walk = _Walk(field, notes, _cleaner(notes))
    done: dict[str, Any] = {}
    for key, value in walk.entries(sent):
        path = f"{field}.{key}"
        read = value if isinstance(value, str) else walk.value(path, value, 2)
        if isinstance(read, str):
            read = read_text(path, read, notes, BODY_LIMIT)
            if read is None:
                continue
        done[key] = read
    return done


def read_ids(field: str, sent: Mapping[str, str], notes: Notes) -> dict[str, str]:
    """A field of texts by key (advertisement, UTM, click ids); those that say nothing are left out."""
    if not sent:
        return {}
    entries = _Walk(field, notes, _cleaner(notes)).entries(sent)
    texts = {key: read_text(f"{field}.{key}", value, notes, _ID_LIMIT) for key, value in entries}
    return {key: text for key, text in texts.items() if text is not None}


def read_consent(sent: Sequence[Mapping[str, Any]], notes: Notes) -> list[dict[str, Any]]:
    """What the person agreed to, item by item, as sent: it is evidence, so only the unstorable is taken out."""
    if not sent:
        return []
    walk = _Walk("consent", notes, _cleaner(notes))
    return [walk.value("consent", item, 2) for item in walk.elements(sent)]


def read_raw(sent: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """Values as sent that the source kept; the unstorable is shown as U+FFFD."""
    if not sent:
        return {}
    # With notes of its own: a note on a value in `raw` would write into what is being read.
    walk = _Walk("raw", Notes(flags=notes.flags), lambda _path, text: shown(text))
    return {key: walk.value(key, value, 2) for key, value in walk.entries(sent)}


def _cleaner(notes: Notes) -> Callable[[str, str], str]:
    def text(path: str, sent: str) -> str:
        done = clean(path, sent, notes)
        if len(done) > BODY_LIMIT:
            notes.keep(path, f"[{len(sent)} characters were sent]", "text_truncated")
            done = done[:BODY_LIMIT].strip(EDGES)
        return done

    return text


def _digits(value: int) -> str:
    # Python refuses to write integers over 4,300 digits in decimal.
    return str(value) if value.bit_length() < 10_000 else hex(value)[:LINE_LIMIT]


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, skipkeys=True, default=str)
    except (ValueError, TypeError, RecursionError):
        return "[nested too deeply]"

"""Where the values of a channel's bodies go: where its mapping says, else its preset, else by their usual names.

All of it follows from a value's keys and labels, so it is worked out once for each of them and remembered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from adapters.sources.form_keys import IDS, SYNONYMS, KeyTable, Leaf, words
from adapters.sources.form_presets import Preset

ALIASES = {"phones": "phone", "emails": "email", "created_at": "submitted_at"}
"""Other names of a mapping's fields."""

OPEN = frozenset({"answers", "utm", "click_ids", "ad", "extra"})
"""Fields of a lead that hold whatever has a name."""

SEVERAL = frozenset({"phone", "ddd", "email", "consent", "test"})
"""Fields of which each value counts; of any other the one with the surest name does."""

MAPPED = -1
"""Rank of a value that a mapping places: surer than any name."""

LONGEST = 300
"""Signs of keys that are remembered: longer ones would fill the memory."""

_FIELDS = frozenset({"id", "utc_date", "utc_time", *(field for field in SYNONYMS if "." not in field)})


class Target(NamedTuple):
    """A field, the key in it if it is one of `OPEN`, and how sure the name is (the least is surest). The fields
    `json` and `unlabelled` say that the value itself must be looked at."""

    field: str
    name: str
    rank: int


class Place(NamedTuple):
    """Where a value goes, where single items of it go if it is a list, and what it is called among the answers."""

    targets: tuple[Target, ...]
    items: tuple[tuple[int, Target], ...]
    shown: str


class Places:
    """The places of one preset and one mapping (target field → dotted path)."""

    def __init__(self, preset: Preset, mapping: Mapping[str, str]) -> None:
        self.preset = preset
        own = preset.synonyms
        self._table = KeyTable({field: (*own.get(field, ()), *SYNONYMS.get(field, ())) for field in [*own, *SYNONYMS]})
        self._mapping = [(_path(where), _mapped(to)) for to, where in {**preset.mapping, **mapping}.items()]
        self._known = lru_cache(maxsize=2048)(self._place)

    def place(self, path: tuple[str, ...], labels: tuple[str, ...]) -> Place:
        """Where the value with these keys and labels goes."""
        if len("".join((*path, *labels))) > LONGEST:
            return self._place(path, labels)
        return self._known(path, labels)

    def _place(self, path: tuple[str, ...], labels: tuple[str, ...]) -> Place:
        own = self._own(path)
        sent = _folded(path)
        names = {sent, (*sent, "value"), _folded(own), *((_segment(label),) for label in labels)}
        leaf = Leaf(own, labels, None)
        return Place(
            tuple(target for where, target in self._mapping if where in names) or self._usual(leaf, ".".join(sent)),
            tuple(
                (int(where[-1]), target)
                for where, target in self._mapping
                if where[:-1] in names and where[-1].isdecimal()
            ),
            leaf.shown,
        )

    def _own(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """The path in the form's own words, without what its builder adds to them."""
        while len(path) > 1 and _segment(path[0]) in self.preset.fields_in:
            path = path[1:]
        first = re.sub(self.preset.noise, "", path[0]) if self.preset.noise and path else ""
        return (first, *path[1:]) if first else path

    def _usual(self, leaf: Leaf, sent: str) -> tuple[Target, ...]:
        preset = self.preset
        if _is_one_of(sent, preset.ignored):
            return ()
        if _is_one_of(sent, preset.json_in):
            return (Target("json", leaf.shown, 0),)
        if _is_one_of(sent, preset.extra):
            return (Target("extra", leaf.shown, 0),)
        keys = leaf.keys
        if (len(keys) == 1 or (len(keys) == 2 and _segment(keys[0]) == "lead")) and _segment(keys[-1]) in IDS:
            return (Target("id", "", IDS.index(_segment(keys[-1]))),)
        meaning = self._table.meaning(leaf)
        if meaning is not None:
            field, _, name = meaning[0].partition(".")
            return (Target(field, name, meaning[1]),)
        unlabelled = preset.unlabelled and re.fullmatch(preset.unlabelled, leaf.shown)
        return (Target("unlabelled" if unlabelled else "answers", leaf.shown, 0),)


@lru_cache(maxsize=256)
def places_of(preset: Preset, mapping: tuple[tuple[str, str], ...]) -> Places:
    """The places of a channel: its preset and its mapping's items."""
    return Places(preset, dict(mapping))


def _mapped(to: str) -> Target:
    """A mapping's target; a field that no lead has is an answer of that name."""
    field, _, name = to.partition(".")
    if field in OPEN and name:
        return Target(field, name, MAPPED)
    field = ALIASES.get(to, to)
    return Target(field, "", MAPPED) if field in _FIELDS else Target("answers", to, MAPPED)


def _segment(key: str) -> str:
    return "".join(words(key))


def _folded(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_segment, path))


def _path(where: str) -> tuple[str, ...]:
    """A mapping's dotted path, its keys folded."""
    return tuple(segment for key in where.split(".") if (segment := _segment(key)))


def _is_one_of(sent: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(sent, pattern) for pattern in patterns)

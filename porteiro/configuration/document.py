"""The file as a tree of places: each value with its path, line and column.

Of YAML, the parts that mean what they look like: plain `true`, `false`, `null` and whole numbers are read as
such; all else is text (`no`, `on`, `0101`, `12:30`, `10.10`), so that no code is mangled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

Path = tuple[str | int, ...]
Mark = tuple[int, int]
"""Line and column, from 1."""

MAX_BYTES = 2 * 1024 * 1024
MAX_VALUES = 200_000
"""With aliases expanded."""
MAX_DEPTH = 40

_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")


@dataclass(frozen=True, slots=True)
class Place:
    """A value and where it stands. `value` is a scalar, a list of places or a mapping of names to places.

    Asking for what is not there, or is of another shape, gives an empty answer, so that checks can go on.
    """

    path: Path
    mark: Mark
    value: Any = None
    key: Mark | None = None

    def __getitem__(self, name: str) -> Place:
        """The value under a name; where there is none, a place without value."""
        return self.child(name) or Place((*self.path, name), self.mark)

    def child(self, name: str | int) -> Place | None:
        """The value under a name or index, None when there is none."""
        if isinstance(self.value, dict):
            return self.value.get(name)
        if isinstance(self.value, list) and isinstance(name, int) and name < len(self.value):
            found: Place = self.value[name]
            return found
        return None

    def each(self) -> list[Place]:
        """Items of a list."""
        return self.value if isinstance(self.value, list) else []

    def entries(self) -> dict[str, Place]:
        """Values of a mapping by name."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def text(self) -> str | None:
        """A scalar as text; None when empty or no scalar."""
        if self.value is None or self.value == "" or isinstance(self.value, bool | dict | list):
            return None
        return str(self.value)

    def scalars(self) -> Iterator[Place]:
        """All scalars in it, itself included."""
        if not isinstance(self.value, dict | list):
            yield self
        for inside in self.value.values() if isinstance(self.value, dict) else self.each():
            yield from inside.scalars()

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {name: inside.plain() for name, inside in self.value.items()}
        return [inside.plain() for inside in self.value] if isinstance(self.value, list) else self.value


class Unreadable(Exception):
    """The text cannot be read beyond a place."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


@dataclass(frozen=True, slots=True)
class Twice:
    """A key that a mapping has already."""

    place: Place
    first: Mark


def read_document(text: str) -> tuple[Place, list[Twice]]:
    """The tree, and the keys written twice (the first one counts). Raises `Unreadable`."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Unreadable(1, 1, f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Unreadable(line, column, _syntax(error, text, line)) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = error.position - before.rfind("\n")
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML: remove it"
        raise Unreadable(before.count("\n") + 1, column, message) from None
    except RecursionError:
        raise Unreadable(1, 1, f"the file is nested deeper than {MAX_DEPTH} levels") from None
    if node is None:
        raise Unreadable(1, 1, "the file is empty: start from porteiro.example.yaml")
    builder = _Builder()
    root = builder.build(node, ())
    if not isinstance(root.value, dict):
        raise Unreadable(
            *root.mark, "the file is a mapping of sections: write `company:`, `people:`, … on its top level"
        )
    return root, builder.twice


def _syntax(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    if error.problem and "another document" in error.problem:
        return "a second document begins here: keep one, without `---` between"
    if error.problem and "'\\t'" in error.problem:
        return "a tab: indent with spaces"
    message = "not YAML: " + ", ".join(part for part in (error.problem, error.context) if part)
    if error.context and error.context_mark and error.context_mark.line + 1 != line:
        message += f" that begins on line {error.context_mark.line + 1}"
    lines = text.splitlines()
    if "${" in (lines[line - 1] if line <= len(lines) else ""):
        message += '; between brackets, put quotes around a variable: ["${NAME}"]'
    return message


@dataclass(slots=True)
class _Builder:
    twice: list[Twice] = field(default_factory=list)
    count: int = 0

    def build(self, node: yaml.Node, path: Path) -> Place:
        mark = _mark(node)
        self.count += 1
        if self.count > MAX_VALUES:
            raise Unreadable(*mark, f"more than {MAX_VALUES} values, those of aliases (`*name`) counted each time")
        if len(path) > MAX_DEPTH:
            raise Unreadable(*mark, f"the file is nested deeper than {MAX_DEPTH} levels")
        if node.tag not in _TAGS:
            raise Unreadable(*mark, f"tags as `{node.tag}` are not read here: remove it")
        if isinstance(node, yaml.MappingNode):
            return Place(path, mark, self._mapping(node, path))
        if isinstance(node, yaml.SequenceNode):
            return Place(path, mark, [self.build(item, (*path, index)) for index, item in enumerate(node.value)])
        plain = getattr(node, "style", None) is None
        return Place(path, mark, _scalar(node.value) if plain else node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Place]:
        found: dict[str, Place] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Unreadable(*_mark(key), "a key is a word: put quotes around it if it is meant as text")
            place = replace(self.build(value, (*path, key.value)), key=_mark(key))
            earlier = found.setdefault(key.value, place)
            if earlier is not place:
                self.twice.append(Twice(place, earlier.key or earlier.mark))
        return found


def _mark(node: yaml.Node) -> Mark:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(text: str) -> Any:
    """A plain scalar's value; one in quotes, or a block, is meant as text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return int(text) if _WHOLE.fullmatch(text) else text

"""What is wrong in a configuration file, each with its place and with what to write instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from porteiro.configuration.document import Path, Place


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `line` and `column` count from 1; a warning does not keep the file from being applied."""

    file: str
    line: int
    column: int
    path: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        warning = "warning: " if self.severity == "warning" else ""
        path = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}:{self.column}: {warning}{path}{self.message}"


def path_text(path: Path) -> str:
    """A path as people write it: `channels[2].secrets`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


@dataclass(slots=True)
class Report:
    """Collects the problems of one file. Said twice of one place, the same sentence counts once."""

    file: str
    _found: dict[Problem, None] = field(default_factory=dict)

    def error(self, place: Place, message: str, *, at_key: bool = False, missing: str | None = None) -> None:
        """An error at the value of a place, at its key, or at what is missing in it."""
        self._add(place, message, "error", at_key, missing)

    def warn(self, place: Place, message: str) -> None:
        """Something that works but is probably not meant."""
        self._add(place, message, "warning", False, None)

    def syntax(self, line: int, column: int, message: str) -> None:
        """The file cannot be read beyond this point."""
        self._found[Problem(self.file, line, column, "", message)] = None

    def problems(self) -> list[Problem]:
        """All, in the order of the file."""
        return sorted(self._found, key=lambda p: (p.line, p.column, p.path))

    def failed(self) -> bool:
        """Whether there is an error."""
        return any(problem.severity == "error" for problem in self._found)

    def _add(
        self, place: Place, message: str, severity: Literal["error", "warning"], at_key: bool, missing: str | None
    ) -> None:
        line, column = (at_key and place.key) or place.mark
        path = (*place.path, missing) if missing is not None else place.path
        self._found[Problem(self.file, line, column, path_text(path), message, severity)] = None

"""Sources that other packages bring, by entry points of the group `porteiro.sources`.

An entry point's name is the source's slug, its value a subclass of `Source` or any callable that gives an instance.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from adapters.sources.base import Source

GROUP = "porteiro.sources"
SLUG = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
DECLARED = ("slug", "title", "documentation", "identity")
"""What a source has to say of itself; all else has a default."""


class LeftOut(NamedTuple):
    """A source that cannot be used, of which package, and why."""

    slug: str
    package: str
    problem: str

    def __str__(self) -> str:
        return f"source `{self.slug}` of package {self.package} is left out: {self.problem}"


class Brought(NamedTuple):
    """Sources of other packages by slug, the packages' names and versions by slug, and what is left out."""

    sources: Mapping[str, Source]
    packages: Mapping[str, str]
    left_out: tuple[LeftOut, ...]


def read_packages(taken: Collection[str]) -> Brought:
    """The sources of the packages that are installed; `taken` are slugs that no package may bring.

    Of several packages that bring the same slug, the first by name is taken. One that cannot be used costs the
    others nothing: never raises."""
    sources: dict[str, Source] = {}
    packages: dict[str, str] = {}
    left_out: list[LeftOut] = []
    for point in _sorted(entry_points(group=GROUP)):
        package = _package(point)
        try:
            source = _loaded(point, taken, packages)
        except Exception as error:  # whatever a stranger's module raises
            left_out.append(LeftOut(point.name, package, _why(error)))
        else:
            sources[point.name], packages[point.name] = source, package
    return Brought(sources, packages, tuple(left_out))


class _UnusableError(Exception):
    """What is wrong with a source, in words."""


def _loaded(point: EntryPoint, taken: Collection[str], packages: Mapping[str, str]) -> Source:
    """Raises `_UnusableError`, or whatever loading the package raises."""
    if not SLUG.fullmatch(point.name):
        raise _UnusableError("a slug is lower-case words joined by `_`")
    if point.name in taken:
        raise _UnusableError("Porteiro has a source of that slug itself")
    if point.name in packages:
        raise _UnusableError(f"package {packages[point.name]} brings it too")
    made = point.load()
    source = made() if callable(made) else made
    if not isinstance(source, Source):
        raise _UnusableError(f"{point.value} gives no `adapters.sources.base.Source`")
    if missing := [name for name in DECLARED if not getattr(source, name, None)]:
        raise _UnusableError(f"it does not declare {', '.join(missing)}")
    if source.slug != point.name:
        raise _UnusableError(f"its slug is `{source.slug}`: the entry point has to have the same name")
    return source


def _sorted(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    return sorted(points, key=lambda point: (_package(point), point.name))


def _package(point: EntryPoint) -> str:
    """Name and version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, _UnusableError) else f"it cannot be loaded ({type(error).__name__}: {error})"

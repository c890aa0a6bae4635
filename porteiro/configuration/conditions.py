"""Conditions (`when`) of the file: facts, operators, and values that name something of the house."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from schemas.conditions import Condition, fold, nearest
from schemas.implication import contradicted

Known = Mapping[str, Sequence[str]]
"""Of each fact whose values are names: the names that there are."""


def check_condition(when: Place, known: Known, report: Report) -> None:
    """Reports what is wrong in a condition; one that is no mapping at all is left to the file's shape."""
    if not isinstance(when.value, dict):
        return
    for problem in Condition.read(when.plain())[1]:
        place = when
        for name in problem.path:
            place = place.child(name) or place
        report.error(place, problem.message, at_key=problem.message.startswith("unknown "))
    for fact, place in _named(when, known):
        value = place.text
        if value is not None and fold(value) not in known[fact]:
            report.error(place, f"there is no {fact} `{value}`, {nearest(value, known[fact])}")
    facts = contradicted(checked(when) or {})
    if facts:
        named = ", ".join(f"`{fact}`" for fact in facts)
        place = when[facts[0]] if len(facts) == 1 else when
        report.error(place, f"this never holds: what is asked of {named} excludes itself")


def checked(when: Place) -> Mapping[str, Any] | None:
    """The condition (without one, the empty one, which always holds); None when something is wrong in it."""
    source = when.plain() or {}
    return None if Condition.read(source)[1] else source


def _named(when: Place, known: Known) -> Iterator[tuple[str, Place]]:
    """Values that are compared whole with a fact of `known`."""
    for name, place in when.entries().items():
        if name in ("any", "all"):
            for part in place.each():
                yield from _named(part, known)
        elif name == "not":
            yield from _named(place, known)
        elif name in known:
            expected = [place]
            if isinstance(place.value, dict):
                expected = [place[operator] for operator in ("eq", "not", "in")]
            for one in expected:
                yield from ((name, value) for value in (one.each() or [one]))

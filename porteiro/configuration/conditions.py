"""Conditions (`when`) of the file: facts, operators, and values that name something of the house."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from schemas.conditions import Condition, fold, nearest, of_automations
from schemas.implication import contradicted

Known = Mapping[str, Sequence[str]]
"""Of each fact whose values are names: the names that there are."""

Refusal = Callable[[str], str | None]
"""Why a fact cannot be asked for in a place; None when it can."""


def of_leads(fact: str) -> str | None:
    """Refuses the facts that a lead which looks for a broker does not have."""
    return f"`{fact}` is known to automations alone: here a lead looks for a broker" if of_automations(fact) else None


def check_condition(when: Place, known: Known, report: Report, refusal: Refusal) -> None:
    """Reports what is wrong in a condition; one that is no mapping at all is left to the file's shape."""
    if not isinstance(when.value, dict):
        return
    for problem in Condition.read(when.plain())[1]:
        place = when
        for name in problem.path:
            place = place.child(name) or place
        report.error(place, problem.message, at_key=problem.message.startswith("unknown "))
    for fact, place in _asked(when):
        because = refusal(fact)
        if because is not None:
            report.error(place, because, at_key=True)
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


def _asked(when: Place) -> Iterator[tuple[str, Place]]:
    """The facts that are asked for, each with what is asked of it."""
    for name, place in when.entries().items():
        if name in ("any", "all", "not"):
            for part in (*place.each(), place):
                yield from _asked(part)
        else:
            yield name, place


def _named(when: Place, known: Known) -> Iterator[tuple[str, Place]]:
    """Values that are compared whole with a fact of `known`."""
    for name, place in _asked(when):
        if name not in known:
            continue
        expected = [place]
        if isinstance(place.value, dict):
            expected = [place[operator] for operator in ("eq", "not", "in")]
        for one in expected:
            yield from ((name, value) for value in (one.each() or [one]))

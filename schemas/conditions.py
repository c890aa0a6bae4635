"""Conditions (`when`): one small typed tree, the same for distribution rules and automations.

A condition is a mapping of facts that must all hold. A fact's expectation is a value, a list (any of) or
operators; `any`, `all` and `not` combine. Text is compared folded (no case, accents or extra spaces).

    when:
      source: [grupo_olx, navent]
      price: {gte: 500000}
      any: [{city: São Paulo}, {utm.source: google}]
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.config.triggers import SOME_ENTRIES
from schemas.counted import COUNT, HOURS_SINCE, KINDS, counted

TEXT, NUMBER, TRUTH, LIST = "text", "number", "yes or no", "list"

FACTS: dict[str, str] = {
    "source": TEXT, "channel": TEXT, "campaign": TEXT, "medium": TEXT, "origin": TEXT, "development": TEXT,
    "listing": TEXT, "transaction": TEXT, "price": NUMBER, "city": TEXT, "state": TEXT, "client.kind": TEXT,
    "returning": TRUTH, "stage": TEXT, "team": TEXT, "manager": TEXT, "broker": TEXT,
    "broker_named": TEXT, "tags": LIST,
    "funnel": TEXT, "status": TEXT, "outcome": TEXT, "presales_broker": TEXT, "second_broker": TEXT,
    "first_contact": TRUTH, "age_hours": NUMBER, "stage_hours": NUMBER, "assigned_hours": NUMBER,
    "broker.active": TRUTH, "clients": NUMBER, "client.has_phone": TRUTH, "client.has_email": TRUTH,
    "client.has_document": TRUTH, "client.complete": TRUTH, "captures": NUMBER, "capture_hours": NUMBER,
}  # fmt: skip
"""Facts by name and kind; besides these, every `answers.<key>`, `utm.<key>`, `ad.<key>`, `click_ids.<key>`,
`fields.<key>`, of the entry that triggered an automation `event.<key>`, and of the history what `schemas.counted`
reads. Of a list, any item counts."""

OPEN_FACTS = ("answers.", "utm.", "ad.", "click_ids.", "event.", "fields.")

OF_THE_MOMENT = frozenset({
    "status", "outcome", "first_contact", "age_hours", "stage_hours", "assigned_hours", "broker.active", "clients",
    "client.has_phone", "client.has_email", "client.has_document", "client.complete", "captures", "capture_hours",
})  # fmt: skip
"""Facts that automations alone ask for, as they ask for the history and for `event.<key>`: of a lead that looks for a
broker they are not known."""

OPERATORS = ("eq", "not", "in", "gte", "gt", "lte", "lt", "contains", "starts_with", "exists")

Facts = Mapping[str, Any]

_SHOWN = 24
"""Names that a message lists."""


def nearest(word: str, known: Iterable[str]) -> str:
    """What was probably meant by an unknown word, as the end of a sentence: the nearest known one, else all."""
    names = list(known)
    near = difflib.get_close_matches(word.lower(), names, 1)
    if near:
        return f"did you mean `{near[0]}`?"
    shown = ", ".join(f"`{name}`" for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"known: {shown}" if names else "there is none yet"


def kind_of(fact: str) -> str | None:
    """What a fact's values are; None of those that are as they came in: texts, numbers or lists."""
    return NUMBER if counted(fact) else FACTS.get(fact)


def of_automations(fact: str) -> bool:
    """Whether automations alone know the fact."""
    return fact in OF_THE_MOMENT or fact.startswith("event.") or counted(fact) is not None


def fold(text: str) -> str:
    """Lower case, no accents, single spaces: the form in which names and values are compared."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def number(value: Any) -> Decimal | None:
    """A number out of a value; Brazilian (`1.234,56`) and plain (`1234.56`) text is understood, else None."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip().removeprefix("R$").strip().replace(" ", "")
    if isinstance(value, int | float | Decimal):
        pass
    elif "," in text:
        text = text.replace(".", "").replace(",", ".")
    elif text.count(".") > 1 or (text.count(".") == 1 and len(text.split(".")[1]) == 3 and text[0] != "0"):
        text = text.replace(".", "")
    try:
        parsed = Decimal(text)
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a condition: where (path within it) and what to write instead."""

    path: tuple[str | int, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a condition holds and, when not, the part that failed, in words."""

    holds: bool
    because: str = ""


def _asked_for(source: Mapping[str, Any]) -> Iterator[str]:
    for name, expected in source.items():
        if name in ("any", "all", "not"):
            for part in expected if isinstance(expected, list) else [expected]:
                if isinstance(part, Mapping):
                    yield from _asked_for(part)
        else:
            yield str(name)


class Condition:
    """A checked condition. Build with `Condition.read`, which reports every problem at once. `facts`: those that it
    asks for."""

    __slots__ = ("_tests", "facts", "source")

    def __init__(self, source: Mapping[str, Any], tests: list[Callable[[Facts], Outcome]]) -> None:
        self.source = source
        self.facts = frozenset(_asked_for(source))
        self._tests = tests

    @classmethod
    def read(cls, source: Any) -> tuple[Condition, list[Problem]]:
        """The condition and what is wrong in it; with problems, the condition must not be used."""
        problems: list[Problem] = []
        if not isinstance(source, Mapping):
            problem = Problem((), "a condition is a mapping of facts, for example {source: grupo_olx}")
            return cls({}, []), [problem]
        tests = list(_read(source, (), problems))
        return cls(source, tests), problems

    def test(self, facts: Facts) -> Outcome:
        """First failing part, or that all hold. Facts absent from `facts` do not exist."""
        for test in self._tests:
            outcome = test(facts)
            if not outcome.holds:
                return outcome
        return Outcome(True)


ALWAYS = Condition({}, [])


def _read(
    source: Mapping[str, Any], path: tuple[str | int, ...], problems: list[Problem]
) -> Iterator[Callable[[Facts], Outcome]]:
    for key, expected in source.items():
        here = (*path, str(key))
        if key in ("any", "all"):
            parts = list(_parts(expected, here, problems))
            yield _any_of(parts) if key == "any" else _all_of(parts)
        elif key == "not":
            if not isinstance(expected, Mapping):
                problems.append(Problem(here, "`not` takes a mapping of facts"))
                continue
            yield _none_of(_all_of(list(_read(expected, here, problems))))
        elif (unknown := _unknown(str(key))) is not None:
            problems.append(Problem(here, unknown))
        else:
            yield from _fact(str(key), expected, here, problems)


def _unknown(fact: str) -> str | None:
    """What is wrong with a fact's name; None when there is such a fact."""
    entries = counted(fact)
    if entries is None:
        if fact in FACTS or fact.startswith(OPEN_FACTS):
            return None
        others = [*(f"{start}<key>" for start in OPEN_FACTS), *(f"{start}<kind>" for start in (COUNT, HOURS_SINCE))]
        return f"unknown fact `{fact}`, {nearest(fact, [*FACTS, 'any', 'all', 'not', *others])}"
    if entries.kind in KINDS:
        return None
    kind = SOME_ENTRIES.get(entries.kind, ("",))[0]
    hint = f"it is one of some `{kind}`" if kind else nearest(entries.kind, KINDS)
    return f"unknown kind of history `{entries.kind}`, {hint}"


def _parts(expected: Any, path: tuple[str | int, ...], problems: list[Problem]) -> Iterator[Callable[[Facts], Outcome]]:
    if not isinstance(expected, list) or not expected:
        problems.append(Problem(path, f"`{path[-1]}` takes a list of conditions"))
        return
    for index, part in enumerate(expected):
        if isinstance(part, Mapping):
            yield _all_of(list(_read(part, (*path, index), problems)))
        else:
            problems.append(Problem((*path, index), "a condition is a mapping of facts"))


def _fact(
    fact: str, expected: Any, path: tuple[str | int, ...], problems: list[Problem]
) -> Iterator[Callable[[Facts], Outcome]]:
    if not isinstance(expected, Mapping):
        yield _compare(fact, "in" if isinstance(expected, list) else "eq", expected, path, problems)
        return
    if not expected:
        problems.append(Problem(path, "write a value, a list, or an operator: " + ", ".join(OPERATORS)))
    for operator, value in expected.items():
        if operator not in OPERATORS:
            hint = nearest(str(operator), OPERATORS)
            problems.append(Problem((*path, str(operator)), f"unknown operator `{operator}`, {hint}"))
            continue
        yield _compare(fact, operator, value, (*path, operator), problems)


def _all_of(tests: list[Callable[[Facts], Outcome]]) -> Callable[[Facts], Outcome]:
    def test(facts: Facts) -> Outcome:
        return next((o for t in tests if not (o := t(facts)).holds), Outcome(True))

    return test


def _any_of(tests: list[Callable[[Facts], Outcome]]) -> Callable[[Facts], Outcome]:
    def test(facts: Facts) -> Outcome:
        outcomes = [t(facts) for t in tests]
        if any(o.holds for o in outcomes):
            return Outcome(True)
        return Outcome(False, "none of: " + "; ".join(o.because for o in outcomes))

    return test


def _none_of(inner: Callable[[Facts], Outcome]) -> Callable[[Facts], Outcome]:
    def test(facts: Facts) -> Outcome:
        return Outcome(False, "an excluded condition holds") if inner(facts).holds else Outcome(True)

    return test


def _compare(
    fact: str, operator: str, expected: Any, path: tuple[str | int, ...], problems: list[Problem]
) -> Callable[[Facts], Outcome]:
    problem = _wrong_value(fact, operator, expected)
    if problem:
        problems.append(Problem(path, problem))
        return lambda _facts: Outcome(False, "invalid")
    holds = TESTS[operator](expected)

    def test(facts: Facts) -> Outcome:
        actual = facts.get(fact)
        if holds(actual):
            return Outcome(True)
        shown = "absent" if actual is None else repr(actual)
        return Outcome(False, f"{fact} is {shown}, not {_words(operator, expected)}")

    return test


def _words(operator: str, expected: Any) -> str:
    return repr(expected) if operator == "eq" else f"{operator} {expected!r}"


def _wrong_value(fact: str, operator: str, expected: Any) -> str | None:
    if operator == "exists":
        return None if isinstance(expected, bool) else "`exists` takes true or false"
    if operator in ("gte", "gt", "lte", "lt"):
        return None if number(expected) is not None else f"`{operator}` takes a number"
    if operator == "in" and not isinstance(expected, list):
        return "`in` takes a list"
    values = expected if isinstance(expected, list) else [expected]
    if not values or any(isinstance(v, Mapping | list) or v is None for v in values):
        return f"`{fact}` takes a value or a list of values"
    return _wrong_kind(fact, values)


def _wrong_kind(fact: str, values: list[Any]) -> str | None:
    kind = kind_of(fact)
    if kind == TRUTH and not all(isinstance(v, bool) for v in values):
        return f"`{fact}` takes true or false"
    if kind == NUMBER and any(number(v) is None for v in values):
        return f"`{fact}` takes a number"
    return None


def _same(expected: Any) -> Callable[[Any], bool]:
    if isinstance(expected, bool):  # an answer that was read as text says `true`
        word = str(expected).lower()
        return lambda actual: actual is expected or (isinstance(actual, str) and fold(actual) == word)
    folded, amount = fold(str(expected)), number(expected)

    def test(actual: Any) -> bool:
        if isinstance(actual, str):
            return fold(actual) == folded
        if isinstance(actual, list):
            return any(test(one) for one in actual)
        return amount is not None and number(actual) == amount

    return test


def _any_same(expected: Any) -> Callable[[Any], bool]:
    tests = [_same(one) for one in (expected if isinstance(expected, list) else [expected])]
    return lambda actual: any(test(actual) for test in tests)


def _differs(expected: Any) -> Callable[[Any], bool]:
    same = _any_same(expected)
    return lambda actual: not same(actual)


def _order(holds: Callable[[Decimal, Decimal], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    def make(expected: Any) -> Callable[[Any], bool]:
        limit = number(expected)
        return lambda actual: (n := number(actual)) is not None and limit is not None and holds(n, limit)

    return make


def _text(holds: Callable[[str, str], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    def make(expected: Any) -> Callable[[Any], bool]:
        parts = [fold(str(one)) for one in (expected if isinstance(expected, list) else [expected])]
        return lambda actual: actual is not None and any(holds(fold(str(actual)), part) for part in parts)

    return make


def _exists(expected: Any) -> Callable[[Any], bool]:
    return lambda actual: (actual is not None) == expected


TESTS: dict[str, Callable[[Any], Callable[[Any], bool]]] = {
    "eq": _same,
    "in": _any_same,
    "not": _differs,
    "gte": _order(lambda a, b: a >= b),
    "gt": _order(lambda a, b: a > b),
    "lte": _order(lambda a, b: a <= b),
    "lt": _order(lambda a, b: a < b),
    "contains": _text(lambda a, b: b in a),
    "starts_with": _text(lambda a, b: a.startswith(b)),
    "exists": _exists,
}
"""Of each operator and what is expected: the test of a fact's value (None: absent)."""

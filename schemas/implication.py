"""What conditions say of one another: that one can never hold, and that one holds whenever another does.

Both answers are certain: of a condition that cannot be seen through, nothing is said. A condition is taken apart into
cases (any of them holds), a case into what it asks of each fact (all of it holds).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from schemas.conditions import LIST, NUMBER, TESTS, TEXT, fold, kind_of, number

_MOST_CASES = 256
_MOST_STEPS = 2000
_OPPOSITE = {"gte": "lt", "gt": "lte", "lte": "gt", "lt": "gte"}
_LEAST, _MOST = ("gte", "gt"), ("lte", "lt")

Asked = tuple[str, Any]
"""An operator and its operand; equality is `in` a list of one."""


class _TooMany(Exception):
    """The condition has too many cases to be seen through."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What is asked of each fact. `exact`: of nothing else."""

    asked: Mapping[str, tuple[Asked, ...]] = field(default_factory=dict)
    exact: bool = True

    def and_(self, other: _Case) -> _Case:
        both = {fact: (*self.asked.get(fact, ()), *asked) for fact, asked in other.asked.items()}
        return _Case({**self.asked, **both}, self.exact and other.exact)


def contradicted(when: Mapping[str, Any]) -> list[str]:
    """The facts of which a checked condition asks what cannot be, so that it never holds; none when it may hold."""
    try:
        clashes = [_clashing(case) for case in _cases(when)]
    except _TooMany:
        return []
    return sorted({fact for facts in clashes for fact in facts}) if all(clashes) else []


def covered(when: Mapping[str, Any], by: Iterable[Mapping[str, Any]]) -> bool:
    """Whether, of the checked conditions `by`, one at least holds whenever `when` does."""
    try:
        cases = [case for case in _cases(when) if not _clashing(case)]
        wider = [case for one in by for case in _cases(one) if case.exact]
    except _TooMany:
        return False
    steps = iter(range(_MOST_STEPS))
    return all(_is_covered(case, wider, steps) for case in cases)


def _cases(when: Mapping[str, Any]) -> list[_Case]:
    return _both(_part(name, expected) for name, expected in when.items())


def _part(name: str, expected: Any) -> list[_Case]:
    if name == "any":
        return [case for part in expected for case in _cases(part)]
    if name == "all":
        return _both(_cases(part) for part in expected)
    if name == "not":
        return _denied(expected)
    return [_Case({name: tuple(asked)}) if (asked := _asked(expected)) is not None else _Case(exact=False)]


def _denied(when: Mapping[str, Any]) -> list[_Case]:
    return [case for name, expected in when.items() for case in _denied_part(name, expected)]


def _denied_part(name: str, expected: Any) -> list[_Case]:
    if name == "any":
        return _both(_denied(part) for part in expected)
    if name == "all":
        return [case for part in expected for case in _denied(part)]
    if name == "not":
        return _cases(expected)
    asked = _asked(expected)
    if asked is None:
        return [_Case(exact=False)]
    return [case for one in asked for case in _opposite(name, *one)]


def _opposite(fact: str, operator: str, operand: Any) -> Iterator[_Case]:
    if operator in ("in", "not"):
        yield _Case({fact: (("not" if operator == "in" else "in", operand),)})
    elif operator == "exists":
        yield _Case({fact: (("exists", not operand),)})
    elif operator in _OPPOSITE and kind_of(fact) == NUMBER:
        yield _Case({fact: ((_OPPOSITE[operator], operand),)})
        yield _Case({fact: (("exists", False),)})
    else:
        yield _Case(exact=False)


def _both(parts: Iterable[list[_Case]]) -> list[_Case]:
    cases = [_Case()]
    for part in parts:
        if len(cases) * len(part) > _MOST_CASES:
            raise _TooMany
        cases = [one.and_(other) for one, other in product(cases, part)]
    return cases


def _asked(expected: Any) -> list[Asked] | None:
    """What is asked of a fact, None when it cannot be seen through."""
    if not isinstance(expected, Mapping):
        return [("in", _list(expected))]
    asked: list[Asked] = []
    for operator, operand in expected.items():
        if operator == "eq" and isinstance(operand, list):
            return None
        listed = operator in ("eq", "in", "not")
        asked.append(("in" if operator == "eq" else operator, _list(operand) if listed else operand))
    return asked


def _list(operand: Any) -> list[Any]:
    return operand if isinstance(operand, list) else [operand]


def _possible(fact: str, asked: Sequence[Asked]) -> list[Any] | None:
    """The values that the fact may have, each once; None when they are not listed. Lists have several; open
    facts may be lists."""
    listed = [operand for operator, operand in asked if operator == "in"]
    kind = kind_of(fact)
    if not listed or kind in (None, LIST):
        return None
    read: Callable[[Any], Any] = {NUMBER: number, TEXT: lambda value: fold(str(value))}.get(kind, bool)
    values = dict.fromkeys(map(read, listed[0]))
    return [value for value in values if all(TESTS[operator](operand)(value) for operator, operand in asked)]


def _clashing(case: _Case) -> list[str]:
    return [fact for fact, asked in case.asked.items() if _clash(fact, asked)]


def _clash(fact: str, asked: Sequence[Asked]) -> bool:
    if ("exists", False) in asked and _is_there(asked):
        return True
    if _possible(fact, asked) == []:
        return True
    return kind_of(fact) == NUMBER and any(
        (low := number(least)) is not None
        and (high := number(most)) is not None
        and (low > high or (low == high and (from_, to) != ("gte", "lte")))
        for (from_, least), (to, most) in product(asked, asked)
        if from_ in _LEAST and to in _MOST
    )


def _is_there(asked: Sequence[Asked]) -> bool:
    """Whether the fact must exist."""
    return any(one != ("exists", False) and one[0] != "not" for one in asked)


def _is_covered(case: _Case, wider: Sequence[_Case], steps: Iterator[int]) -> bool:
    """Whether each way in which the case can hold is within a case of `wider`: as a whole, or value by value."""
    if next(steps, None) is None:
        return False
    if any(_within(case, one) for one in wider):
        return True
    for fact in dict.fromkeys(fact for one in wider for fact in one.asked):
        asked = case.asked.get(fact, ())
        values = _possible(fact, asked)
        parts: list[Asked] = [("in", [value]) for value in values or ()]
        if values is None and not _is_there(asked) and ("exists", False) not in asked:
            parts = [("exists", True), ("exists", False)]
        if len(parts) > 1:
            return all(_is_covered(case.and_(_Case({fact: (part,)})), wider, steps) for part in parts)
    return False


def _within(case: _Case, wide: _Case) -> bool:
    return all(_follows(fact, case.asked.get(fact, ()), one) for fact, asked in wide.asked.items() for one in asked)


def _follows(fact: str, asked: Sequence[Asked], wanted: Asked) -> bool:
    """Whether a fact of which all this is asked has what is wanted."""
    values = _possible(fact, asked)
    operator, operand = wanted
    if values is not None:
        return all(TESTS[operator](operand)(value) for value in values)
    if operator == "exists":
        return _is_there(asked) if operand else ("exists", False) in asked
    if operator == "not" and ("exists", False) in asked:
        return True
    return any(_implies(one, wanted) for one in asked if one[0] == operator or operator in _OPPOSITE)


def _implies(one: Asked, wanted: Asked) -> bool:
    (operator, given), (wanted_operator, operand) = one, wanted
    if wanted_operator in _OPPOSITE:
        bound, limit = number(given), number(operand)
        side = next(side for side in (_LEAST, _MOST) if wanted_operator in side)
        if operator not in side or bound is None or limit is None:
            return False
        further = bound > limit if side is _LEAST else bound < limit
        return further or (bound == limit and (operator == wanted_operator or operator in ("gt", "lt")))
    have, want = _texts(given), _texts(operand)
    if operator == "in":
        return have <= want
    if operator == "not":
        return want <= have
    tests = {"contains": str.__contains__, "starts_with": str.startswith}
    return all(any(tests[operator](text, part) for part in map(_word, want)) for text in map(_word, have))


def _texts(operand: Any) -> set[tuple[bool, str]]:
    """Values as they are compared; a yes or no is no text."""
    return {(isinstance(value, bool), fold(str(value))) for value in _list(operand)}


def _word(value: tuple[bool, str]) -> str:
    return value[1]

"""Conditions: what holds, what does not and why; all that is wrong in one is said at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.conditions import ALWAYS, FACTS, OPEN_FACTS, OPERATORS, Condition, fold, nearest, number

PAGE = Path(__file__).parents[2] / "docs" / "conditions.md"

FACTS_OF_A_LEAD = {
    "source": "grupo_olx",
    "city": "São  Paulo",
    "price": Decimal("350000.00"),
    "returning": False,
    "client.kind": "natural",
    "answers.quartos": ["2", "3"],
    "answers.pet": "true",
    "utm.source": "Google",
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({}, True),
        ({"source": "grupo_olx"}, True),
        ({"source": ["form", "GRUPO_OLX"]}, True),
        ({"source": ["form"]}, False),
        ({"source": {"in": ["form", "grupo_olx"]}}, True),
        ({"source": {"not": "form"}}, True),
        ({"source": {"not": ["form", "grupo_olx"]}}, False),
        ({"city": "sao paulo"}, True),
        ({"city": {"contains": "PAULO"}}, True),
        ({"city": {"starts_with": ["rio", "são"]}}, True),
        ({"city": {"starts_with": "paulo"}}, False),
        ({"price": {"gte": 350000}}, True),
        ({"price": {"gt": "350.000,00"}}, False),
        ({"price": {"gt": 349999, "lt": 350001}}, True),
        ({"price": {"gt": 349999, "lt": 350000}}, False),
        ({"price": {"lte": "350.000"}}, True),
        ({"price": 350000}, True),
        ({"returning": False}, True),
        ({"returning": True}, False),
        ({"answers.quartos": 3}, True),
        ({"answers.quartos": [4, 5]}, False),
        ({"answers.pet": True}, True),
        ({"answers.pet": False}, False),
        ({"utm.source": "google"}, True),
        ({"utm.term": {"exists": False}}, True),
        ({"utm.term": {"exists": True}}, False),
        ({"utm.term": "x"}, False),
        ({"utm.term": {"not": "x"}}, True),
        ({"listing": {"contains": "A"}}, False),
        ({"any": [{"source": "form"}, {"city": "São Paulo"}]}, True),
        ({"any": [{"source": "form"}, {"city": "Rio"}]}, False),
        ({"all": [{"source": "grupo_olx"}, {"city": "Rio"}]}, False),
        ({"all": [{"source": "grupo_olx"}, {"not": {"city": "Rio"}}]}, True),
        ({"not": {"source": "grupo_olx", "city": "Rio"}}, True),
        ({"not": {"source": "grupo_olx", "city": "São Paulo"}}, False),
        ({"source": "grupo_olx", "not": {"any": [{"city": "Rio"}, {"price": {"lt": 100}}]}}, True),
    ],
)
def test_truth(condition: dict[str, Any], holds: bool) -> None:
    read, problems = Condition.read(condition)
    assert problems == []
    outcome = read.test(FACTS_OF_A_LEAD)
    assert outcome.holds is holds
    assert bool(outcome.because) is not holds


def test_what_failed_is_said() -> None:
    read, _ = Condition.read({"source": "grupo_olx", "any": [{"city": "Rio"}, {"utm.term": {"exists": True}}]})
    because = "none of: city is 'São  Paulo', not 'Rio'; utm.term is absent, not exists True"
    assert read.test(FACTS_OF_A_LEAD).because == because
    assert ALWAYS.test({}).holds


def test_every_problem_is_said_at_once_with_its_path() -> None:
    _, problems = Condition.read(
        {
            "sorce": "form",
            "price": {"gte": "muito", "lesser": 1},
            "city": None,
            "returning": "sim",
            "source": {},
            "any": [{"citty": "x"}, "form"],
            "all": [],
            "not": ["x"],
            "campaign": {"in": "x", "exists": "no"},
        }
    )
    assert [(problem.path, problem.message.partition(",")[0]) for problem in problems] == [
        (("sorce",), "unknown fact `sorce`"),
        (("price", "gte"), "`gte` takes a number"),
        (("price", "lesser"), "unknown operator `lesser`"),
        (("city",), "`city` takes a value or a list of values"),
        (("returning",), "`returning` takes true or false"),
        (("source",), "write a value"),
        (("any", 0, "citty"), "unknown fact `citty`"),
        (("any", 1), "a condition is a mapping of facts"),
        (("all",), "`all` takes a list of conditions"),
        (("not",), "`not` takes a mapping of facts"),
        (("campaign", "in"), "`in` takes a list"),
        (("campaign", "exists"), "`exists` takes true or false"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.234,56", "1234.56"), ("1234.56", "1234.56"), ("R$ 500.000", "500000"), ("0.500", "0.500"),
        ("1.234.567", "1234567"), (1.125, "1.125"), (Decimal("350.000"), "350.000"), (7, "7"), (True, None), ("", None),
        ("abc", None), ("NaN", None), ("Infinity", None), (float("nan"), None), ([], None), (None, None),
    ],
)  # fmt: skip
def test_numbers(value: Any, expected: str | None) -> None:
    assert number(value) == (None if expected is None else Decimal(expected))


@settings(deadline=None)
@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_nearest() -> None:
    assert nearest("Advanse", ["advance", "notify"]) == "did you mean `advance`?"
    assert nearest("zzz", ["advance", "notify"]) == "known: `advance`, `notify`"
    assert nearest("zzz", []) == "there is none yet"


def test_the_page_tells_of_every_fact_and_operator() -> None:
    page = PAGE.read_text(encoding="utf-8")
    named = (*FACTS, *OPERATORS, *(f"{start}<key>" for start in OPEN_FACTS))
    assert [name for name in named if f"`{name}`" not in page] == []


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=12)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2)
)
_NAMES = st.sampled_from([*FACTS, "answers.a", "utm.b", "count.opv.won.3d", "hours_since.opv.won", "nonsense"])
_EXPECTED = _VALUES | st.dictionaries(st.sampled_from([*OPERATORS, "what"]), _VALUES, max_size=2)
_LEAVES = st.dictionaries(_NAMES, _EXPECTED, max_size=3)
_CONDITIONS = st.recursive(
    _LEAVES,
    lambda inner: (
        st.dictionaries(st.sampled_from(["any", "all"]), st.lists(inner, max_size=3), max_size=2)
        | st.dictionaries(st.just("not"), inner, max_size=1)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(_CONDITIONS, st.dictionaries(_NAMES, _VALUES))
def test_reading_and_explaining_never_raise(condition: dict[str, Any], facts: dict[str, Any]) -> None:
    read, problems = Condition.read(condition)
    outcome = read.test(facts)
    assert all(problem.message for problem in problems)
    assert isinstance(outcome.because, str)
    if not problems:
        negated, _ = Condition.read({"not": condition})
        assert negated.test(facts).holds is not outcome.holds

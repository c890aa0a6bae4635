"""What conditions say of one another holds of every lead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.conditions import Condition
from schemas.implication import contradicted, covered

_WORDS = st.sampled_from(["SP", "sp", "São Paulo", "sao", "RJ"])
_NUMBERS = st.integers(0, 4)
_BOUND = st.sampled_from(["gte", "gt", "lte", "lt", "eq", "not"])
_TEXT_ASKED = st.one_of(
    _WORDS,
    st.lists(_WORDS, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["eq", "not", "contains", "starts_with"]), _WORDS, min_size=1, max_size=2),
    st.fixed_dictionaries({"exists": st.booleans()}),
)
_NUMBER_ASKED = st.one_of(
    st.dictionaries(_BOUND, _NUMBERS, min_size=1, max_size=2), st.fixed_dictionaries({"exists": st.booleans()})
)
_FACTS = st.fixed_dictionaries(
    {}, optional={"state": _TEXT_ASKED, "answers.x": _TEXT_ASKED, "price": _NUMBER_ASKED, "returning": st.booleans()}
)
_CONDITIONS = st.recursive(
    _FACTS,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "any": st.lists(inner, min_size=1, max_size=3),
            "all": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "state": _TEXT_ASKED,
        },
    ),
    max_leaves=4,
)
_LEADS = st.fixed_dictionaries(
    {},
    optional={
        "state": _WORDS,
        "price": st.sampled_from([0, 0.5, 1, 2, 3.0, 4, 5]),
        "returning": st.booleans(),
        "answers.x": st.one_of(_WORDS, st.lists(_WORDS, max_size=2)),
    },
)


def holds(when: dict[str, Any], lead: dict[str, Any]) -> bool:
    condition, found = Condition.read(when)
    assert found == []
    return condition.test(lead).holds


@settings(max_examples=200, deadline=None)
@given(_CONDITIONS, st.lists(_CONDITIONS, min_size=1, max_size=3), st.lists(_LEADS, min_size=1, max_size=12))
def test_what_is_said_is_certain(
    when: dict[str, Any], others: list[dict[str, Any]], leads: list[dict[str, Any]]
) -> None:
    if contradicted(when):
        assert not any(holds(when, lead) for lead in leads)
    if covered(when, others):
        assert all(any(holds(other, lead) for other in others) for lead in leads if holds(when, lead))


@pytest.mark.parametrize(
    ("when", "facts"),
    [
        ({"price": {"gte": 10, "lt": 5}}, ["price"]),
        ({"price": {"gt": "1.000,00", "lte": 1000}}, ["price"]),
        ({"state": {"eq": "São Paulo", "not": "sao paulo"}}, ["state"]),
        ({"state": "SP", "not": {"state": {"exists": True}}}, ["state"]),
        ({"any": [{"city": "a", "all": [{"city": "b"}]}, {"price": {"exists": False, "gte": 1}}]}, ["city", "price"]),
        ({"answers.x": "a", "all": [{"answers.x": "b"}]}, []),
        ({"returning": True, "not": {"returning": False}}, []),
    ],
)
def test_what_excludes_itself(when: dict[str, Any], facts: list[str]) -> None:
    assert contradicted(when) == facts


@pytest.mark.parametrize(
    ("when", "others", "expected"),
    [
        ({"state": "SP"}, [{}], True),
        ({"state": "SP", "price": {"gte": 9}}, [{"state": ["sp", "RJ"], "price": {"gt": 5}}], True),
        ({"state": ["SP", "RJ"]}, [{"state": "SP"}, {"state": "RJ"}], True),
        ({"state": ["SP", "sp"]}, [{"state": "RJ"}], False),
        ({}, [{"state": {"exists": True}}, {"state": {"exists": False}}], True),
        ({"not": {"state": ["SP", "RJ"]}}, [{"not": {"state": "SP"}}], True),
        ({"any": [{"state": "SP"}, {"state": "RJ"}]}, [{"state": ["SP", "RJ"]}], True),
        ({"answers.x": {"contains": "hoje"}}, [{"answers.x": {"contains": ["ho", "ja"]}}], True),
        ({}, [{"state": {"exists": True}}], False),
        ({"state": "SP"}, [{"state": "SP", "city": "Santos"}], False),
        ({"price": {"gte": 5}}, [{"price": {"gt": 5}}], False),
        ({"any": [{"state": str(one), "city": str(two)} for one in range(20) for two in range(20)]}, [{"x": 1}], False),
    ],
)
def test_what_covers_it(when: dict[str, Any], others: list[dict[str, Any]], expected: bool) -> None:
    assert covered(when, others) is expected

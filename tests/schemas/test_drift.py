"""Which fields of a body are news."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.drift import MAX_DEPTH, MAX_FIELDS, MAX_NAME, unknown_fields

KNOWN = frozenset({"id", "extra.type", "extra.mcmv.*", "entry[].changes[].field", "entry[].id", "open.*", "tags"})


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        ({"id": 1, "extra": {"type": "x"}, "tags": ["a", "b"]}, []),
        ({"id": 1, "novo": {"a": 1}, "extra": {"outro": "segredo"}}, ["novo", "extra.outro"]),
        ({"extra": {"mcmv": {"a": {"b": [{"c": 1}]}}}, "open": [{"x": 1}, 2]}, []),
        ({"extra": {"mcmv": 1}, "open": None, "entry": "x", "id": {"now": "an object"}}, ["id.now"]),
        ({"entry": [{"id": 1, "changes": [{"field": 1, "value": 2}]}, {"changes": [{"value": 3}]}]},
         ["entry[].changes[].value"]),
        ({"entry": {"id": 1}}, ["entry.id"]),
        ({"tags": [{"name": "x"}]}, ["tags[].name"]),
        ([{"id": 1}], ["[].id"]),
        ("text", []),
        (None, []),
    ],
)  # fmt: skip
def test_paths(body: Any, unknown: list[str]) -> None:
    assert unknown_fields(body, KNOWN) == unknown


def test_a_body_that_is_a_list() -> None:
    assert unknown_fields([{"id": 1, "b": 2}, [{"c": 3}]], frozenset({"[].id"})) == ["[].b", "[][].c"]


def test_anything_is_known_below_the_root() -> None:
    assert unknown_fields({"a": {"b": 1}, "c": []}, frozenset({"*"})) == []


def test_what_is_deep_is_left_alone() -> None:
    path = ".".join("abcdef"[:MAX_DEPTH])
    body: Any = {"news": 1}
    for name in reversed(path.split(".")):
        body = {name: body}
    assert unknown_fields(body, frozenset({path})) == []
    assert unknown_fields(body["a"], frozenset({path[2:]})) == ["b.c.d.e.f.news"]


def test_no_more_than_can_be_read() -> None:
    assert len(unknown_fields({str(number): 1 for number in range(1000)}, KNOWN)) == MAX_FIELDS
    assert unknown_fields({"a\x00\ud800é": 1, "x" * 5000: 2}, KNOWN) == ["a\\x00\\ud800é", "x" * MAX_NAME]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet="ab.[]*\x00\ud800", max_size=4), inner)
    ),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None, database=None)
@given(body=JSON, known=st.frozensets(st.text(alphabet="ab.[]*", max_size=8), max_size=6))
def test_whatever_the_body_and_the_knowledge(body: Any, known: frozenset[str]) -> None:
    unknown = unknown_fields(body, known)
    assert len(unknown) == len(set(unknown)) <= MAX_FIELDS
    assert all(path.isprintable() for path in unknown)
    assert unknown_fields(body, known | {"*"}) == []


def test_a_body_nested_without_end() -> None:
    deep: Any = 1
    for _ in range(10_000):
        deep = [deep]
    assert unknown_fields(deep, KNOWN) == []

"""Differences: there are none exactly when nothing differs."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from porteiro.configuration.changes import changes
from schemas.config import Configuration

_NAMES = st.sampled_from(["Ana", "Bia"])
_PEOPLE = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from("abcd"), "name": _NAMES, "role": st.just("broker")}),
    unique_by=lambda person: person["key"],
)
_STAGES = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from("xyz"), "name": _NAMES}),
    min_size=1,
    unique_by=lambda stage: stage["key"],
)
_FILES = st.fixed_dictionaries(
    {
        "people": _PEOPLE,
        "funnel": st.fixed_dictionaries({"name": _NAMES, "stages": _STAGES}),
        "company": st.fixed_dictionaries({"holidays": st.sampled_from(["BR", "BR-SP"])}),
    }
)


@settings(deadline=None)
@given(_FILES, _FILES)
def test_no_change_is_told_exactly_when_nothing_differs(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = Configuration.model_validate(old), Configuration.model_validate(new)
    assert (changes(before, after) == []) == (before == after)
    assert changes(after, after) == []

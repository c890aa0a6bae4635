"""Differences: there are none exactly when nothing differs."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from porteiro.configuration.changes import changes
from schemas.config import Configuration

_NAMES = st.sampled_from(["Ana", "Bia"])
_CAPS = st.dictionaries(st.sampled_from(["open", "day"]), st.integers(1, 3))
_PEOPLE = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from("abcd"), "name": _NAMES, "role": st.just("broker"), "caps": _CAPS}),
    unique_by=lambda person: str(person["key"]),
)
_RULES = st.lists(
    st.fixed_dictionaries(
        {"key": st.sampled_from("pqr"), "queue": st.fixed_dictionaries({"brokers": st.just(["a"]), "caps": _CAPS})}
    ),
    unique_by=lambda rule: str(rule["key"]),
)
_STAGES = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from("xyz"), "name": _NAMES}),
    min_size=1,
    unique_by=lambda stage: stage["key"],
)
_FUNNELS = st.dictionaries(st.sampled_from("mn"), _STAGES).map(
    lambda found: [{"key": key, "stages": stages} for key, stages in found.items()]
)
_FILES = st.fixed_dictionaries(
    {
        "people": _PEOPLE,
        "funnel": st.fixed_dictionaries({"name": _NAMES, "stages": _STAGES}),
        "funnels": _FUNNELS,
        "distribution": st.fixed_dictionaries(
            {"rules": _RULES}, optional={"invalid_leads": st.fixed_dictionaries({"reason": st.sampled_from("vw")})}
        ),
        "notices": st.fixed_dictionaries({}, optional={"assigned": st.just(["log"]), "link_for": st.just("2 hours")}),
        "company": st.fixed_dictionaries({"holidays": st.sampled_from(["BR", "BR-SP"])}),
    }
)


@settings(deadline=None)
@given(_FILES, _FILES)
def test_no_change_is_told_exactly_when_nothing_differs(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = Configuration.model_validate(old), Configuration.model_validate(new)
    assert (changes(before, after) == []) == (before == after)
    assert changes(after, after) == []


def test_stages_of_further_funnels_are_told_one_by_one() -> None:
    stages = [{"key": "x", "name": "X"}, {"key": "y", "name": "Y"}]
    old = {"funnel": {"stages": [{"key": "a", "name": "A"}]}, "funnels": [{"key": "rent", "stages": stages}]}
    new = {**old, "funnels": [{"key": "rent", "no_skip": True, "stages": [{"key": "x", "name": "Novo"}]}]}
    before, after = Configuration.model_validate(old), Configuration.model_validate(new)
    assert list(map(str, changes(before, after))) == [
        "~ changed   funnels rent: no_skip", "~ changed   funnels.rent.stages x: name",
        "- removed   funnels.rent.stages y",
    ]  # fmt: skip


def test_what_is_told_names_the_parts() -> None:
    old: dict[str, Any] = {
        "funnel": {"stages": [{"key": "x", "name": "X"}]},
        "people": [{"key": "a", "name": "A", "role": "broker"}],
    }
    new = {
        "funnel": {"stages": [{"key": "x", "name": "X", "expiry": {"after": "2 days"}}]},
        "people": [{**old["people"][0], "tags": ["luxo"], "caps": {"day": 2}}],
        "stands": [{"key": "orla", "name": "Orla"}],
        "queues": [{"key": "q", "brokers": ["a"], "accept": {"within": "9 minutes"}}],
        "distribution": {"rules": [{"key": "r", "queue": "q"}], "invalid_leads": {"confirm": "rule"}},
        "won_sale": {"clients_need": ["rg"]},
        "notices": {"assigned": ["log"], "link_for": "2 hours"},
    }
    told = changes(Configuration.model_validate(old), Configuration.model_validate(new))
    assert list(map(str, told)) == [
        "~ changed   distribution: invalid_leads", "~ changed   won_sale: clients_need",
        "~ changed   notices: assigned, link_for",
        "~ changed   people a: tags, caps", "+ added     stands orla", "~ changed   funnel.stages x: expiry",
        "+ added     queues q", "+ added     distribution.rules r",
    ]  # fmt: skip

"""Facts about the history: which entries they are about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.conditions import Condition
from schemas.counted import KINDS, Counted, counted


@pytest.mark.parametrize(
    ("fact", "about"),
    [
        ("count.opv.returned", Counted("opv.returned")),
        ("count.contact.added.3d", Counted("contact.added", timedelta(days=3))),
        ("count.contact.added.36h", Counted("contact.added", timedelta(hours=36))),
        ("count.contact.added.0d", Counted("contact.added.0d")),
        ("hours_since.contact.added", Counted("contact.added")),
        ("hours_since.contact.added.3d", Counted("contact.added.3d")),
        ("count.3d", Counted("3d")),
        ("count.", None),
        ("counted.opv.won", None),
        ("price", None),
    ],
)
def test_what_a_fact_is_about(fact: str, about: Counted | None) -> None:
    assert counted(fact) == about


def test_kinds_alone_are_counted() -> None:
    assert {"opv.returned", "contact.added"} <= set(KINDS)
    assert not {"visit.done", "opv.contacted"} & set(KINDS)


def test_a_condition_tells_what_it_asks_for() -> None:
    asked = {"source": "form", "any": [{"count.opv.won.3d": 0}, {"not": {"stage": "new"}}], "not": {"city": "Rio"}}
    assert Condition.read(asked)[0].facts == {"source", "count.opv.won.3d", "stage", "city"}

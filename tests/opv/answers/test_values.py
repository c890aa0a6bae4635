"""What a value of a field may be, and how it is kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opv.answers.values import decimal, fields_of, stored, typed
from schemas.config import HouseField
from schemas.errors import Reject


def field(kind: Any, **more: Any) -> HouseField:
    return HouseField(key="it", name="Campo", kind=kind, **more)


HEAT = field("choice", options=["Quente", "Não sei"])


@pytest.mark.parametrize(
    ("one", "given", "kept"),
    [
        (field("text"), "  andar alto ", "andar alto"),
        (field("text"), 101, "101"),
        (field("text"), " ", None),
        (field("number"), "R$ 450.000,50", 450000.5),
        (field("number"), 3.0, 3),
        (field("number"), Decimal("0.1"), 0.1),
        (field("number"), 0, 0),
        (field("date"), "2026-03-01", "2026-03-01"),
        (field("yes_no"), False, False),
        (field("yes_no"), "Não", False),
        (field("yes_no"), "sim", True),
        (HEAT, "nao SEI", "Não sei"),
        (HEAT, None, None),
    ],
)
def test_a_value_is_kept_as_its_kind(one: HouseField, given: Any, kept: Any) -> None:
    found = typed(one, given)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("one", "given", "expected"),
    [
        (field("text"), True, "a text of 4000"),
        (field("text"), "x" * 4001, "a text of 4000"),
        (field("text"), "a\0b", "a text of 4000"),
        (field("number"), "muito", "a number of 15 digits"),
        (field("number"), True, "a number of 15 digits"),
        (field("number"), 10**15 + 1, "a number of 15 digits"),
        (field("number"), float("nan"), "a number of 15 digits"),
        (field("number"), "1e400", "a number of 15 digits"),
        (field("date"), "01/03/2026", "a date, as 2026-03-01"),
        (field("date"), "2026-02-30", "a date, as 2026-03-01"),
        (field("yes_no"), "talvez", "true or false"),
        (field("yes_no"), 1, "true or false"),
        (HEAT, "Morno", "one of Quente, Não sei"),
    ],
)
def test_another_value_is_refused_with_what_is_expected(one: HouseField, given: Any, expected: str) -> None:
    with pytest.raises(Reject, match=f"the field it takes {expected}") as refused:
        typed(one, given)
    assert (refused.value.reason, refused.value.status) == ("wrong_value", 422)


@given(st.decimals(min_value=0, max_value=9_999_999_999_999, places=2))
def test_an_amount_comes_back_exactly(amount: Decimal) -> None:
    kept = fields_of(stored({"it": typed(field("number"), amount) or 0}))
    assert decimal(kept["it"]) == amount

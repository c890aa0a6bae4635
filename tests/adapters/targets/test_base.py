"""What answers mean, whatever stands in them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.targets.base import wait_asked
from adapters.targets.testing import NOW

DATES = st.from_regex(
    r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,12} ?[-+A-Z0-9]{0,6}", fullmatch=True
)


@given(said=st.text(max_size=40) | DATES)
@example("Mon, 21 Sep 99999 12:00:00 GMT")
@example("Mon, 21 Sep 2026 25:00:00 GMT")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("0")
@example("9999999")
def test_a_wait_is_one_or_none(said: str) -> None:
    wait = wait_asked(said, NOW)
    assert wait is None or wait >= timedelta(0)


def test_dates_of_every_kind() -> None:
    for said in (
        "Mon, 21 Sep 2026 12:01:30 GMT", "Monday, 21-Sep-26 12:01:30 GMT", "Mon Sep 21 12:01:30 2026",
        "Mon, 21 Sep 2026 09:01:30 -0300",
    ):  # fmt: skip
        assert wait_asked(said, NOW) == timedelta(seconds=90), said

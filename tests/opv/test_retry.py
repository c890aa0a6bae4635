"""When to try again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from opv.retry import JITTER, SCHEDULE, next_try

NOW = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)


class Middle(Random):
    """Chance that always falls on the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def test_the_schedule_is_followed_until_the_budget_is_spent() -> None:
    waits = [next_try(failures, NOW, Middle()) for failures in range(1, len(SCHEDULE) + 2)]
    assert waits == [*(NOW + wait for wait in SCHEDULE), None]
    assert list(SCHEDULE) == sorted(SCHEDULE)
    assert timedelta(hours=24) < sum(SCHEDULE, timedelta()) < timedelta(hours=36)


@pytest.mark.parametrize(("after", "wait"), [(0, 120), (119, 120), (180, 180), (240, 240), (86400, 240)])
def test_the_other_sides_wish_is_honoured_up_to_twice_the_wait(after: int, wait: int) -> None:
    assert next_try(3, NOW, Middle(), timedelta(seconds=after)) == NOW + timedelta(seconds=wait)


def test_tries_are_spread() -> None:
    random = Random(7)  # noqa: S311 - jitter
    found = [next_try(1, NOW, random) for _ in range(200)]
    waits = [one - NOW for one in found if one]
    assert SCHEDULE[0] * (1 - JITTER) <= min(waits) < max(waits) <= SCHEDULE[0] * (1 + JITTER)
    assert len(set(waits)) > 100

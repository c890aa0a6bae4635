"""Schedules in the file: what never comes, or cannot be asked by the clock, is told with its line."""

from __future__ import annotations

import pytest

from adapters.sources.registry import sources
from porteiro.configuration.load import load

RIGHT = """funnel: {stages: [{key: new, name: Novo}]}
automations:
  - key: daily
    on: {cron: "0 9 * * mon-fri", missed: all, limit: "90 minutes"}
    when: {any: [{stage: new}, {not: {source: form}}]}
    do: [{comment: Bom dia}]
"""


def problems(text: str) -> list[str]:
    _, found = load(text, "x", sources(), {})
    return [str(problem).removeprefix("x:") for problem in found]


def test_a_right_schedule_is_right() -> None:
    assert problems(RIGHT) == []


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("0 9 * * mon-fri", "0 9 30 2 *", "4:16: automations[0].on.cron: `0 9 30 2 *`: there is no such day-of-month"),
        ("0 9 * * mon-fri", "0 9 31 4,6 *", "4:16: automations[0].on.cron: `0 9 31 4,6 *`: there is no such day-of-"),
        ("0 9 * * mon-fri", "0 24 * * *", "4:16: automations[0].on.cron: `0 24 * * *`: there is no such hour: write"),
        ("0 9 * * mon-fri", "at nine", "4:16: automations[0].on.cron: `at nine` is no time of the clock: write"),
        ("0 9 * * mon-fri", "0 0 9 * * *", "4:16: automations[0].on.cron: `0 0 9 * * *` is no time of the clock"),
        ("90 minutes", "2 business hours", "4:55: automations[0].on.limit: `2 business hours` cannot be waited for"),
        ("90 minutes", "0 minutes", "4:55: automations[0].on.limit: `0 minutes` cannot be waited for here"),
        ("missed: all", "missed: some", "4:43: automations[0].on.missed: "),
    ],
)
def test_what_is_wrong_is_told_with_its_line(right: str, wrong: str, told: str) -> None:
    assert right in RIGHT
    (problem,) = problems(RIGHT.replace(right, wrong))
    assert problem.startswith(told)

"""Triggers that count a time or wait for a change: what cannot be is told with its line."""

from __future__ import annotations

import pytest

from adapters.sources.registry import sources
from porteiro.configuration.load import load

FILE = """people: [{{key: ana, name: Ana, role: broker}}]
teams: [{{key: sul, name: Sul, managers: []}}]
fields: [{{key: signing, name: Assinatura, kind: date}}, {{key: income, name: Renda}}]
funnel: {{stages: [{{key: new, name: Novo, statuses: [{{key: open, name: Aberta}}]}}]}}
automations: [{{key: a, on: {}, do: [{{notify: directors}}]{}}}]
"""


def problems(on: str, more: str = "") -> list[str]:
    _, found = load(FILE.format(on, more), "x", sources(), {})
    return [str(one).removeprefix("x:") for one in found if one.severity == "error"]


@pytest.mark.parametrize(
    "on",
    [
        "{in_stage: new, status: open, for: 1 minute}",
        "{without: activity, for: 3 business days}",
        "{before: visit_at, by: 2 business hours}",
        "{before: signing, by: 1 week}",
        "{after: first_contact_at, by: 1 business day}",
        "{after: signing, by: 1 day}",
        "{changed: broker, from: [ana]}",
        "{changed: income}",
        "{changed: signing, to: 2026-12-01}",
        "{changed: team, to: sul}",
    ],
)
def test_a_right_trigger_is_right(on: str) -> None:
    older = "" if "changed" in on else ", older: true"
    assert problems(on, older) == []


@pytest.mark.parametrize(
    ("on", "told"),
    [
        (
            "{before: created_at, by: 1 day}",
            "5:37: automations[0].on.before: `created_at` is not known before it has come: write `after: created_at`",
        ),
        (
            "{after: income, by: 1 day}",
            "5:36: automations[0].on.after: the field `income` is no date: write `kind: date` there, or",
        ),
        (
            "{after: signin, by: 1 day}",
            "5:36: automations[0].on.after: an OPV has no time `signin`, did you mean `signing`?",
        ),
        ("{without: contact, for: 0 days}", "5:52: automations[0].on.for: `0 days` is no time: write for example"),
        ("{after: signing, by: 0 business days}", "5:49: automations[0].on.by: `0 business days` is no time: write"),
        (
            "{changed: income, to: [muita]}",
            "5:51: automations[0].on.to[0]: automations do not read the text in `income`",
        ),
    ],
)
def test_what_cannot_be_is_told(on: str, told: str) -> None:
    assert "\n".join(problems(on)).startswith(told)


def test_older_is_of_times() -> None:
    (told,) = problems("opv.created", ", older: true")
    assert told.endswith("automations[0].older: `older` is of triggers that count a time: remove it")

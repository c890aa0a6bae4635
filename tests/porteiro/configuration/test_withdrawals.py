"""Automations that withdraw: `check` says on which line one could not."""

from __future__ import annotations

import pytest

from schemas.config import Withdraw
from tests.porteiro.configuration.test_load import SMALL, problems, read

REASONS = """withdrawal_reasons:
  - {key: price, name: Preço, sub_reasons: [{key: rate, name: Juros}, {key: total, name: Total}]}
  - {key: silent, name: Sem resposta, automatic: %s, needs_remarks: %s}
"""


def text(action: str, automatic: str = "true", remarks: str = "false") -> str:
    return SMALL + REASONS % (automatic, remarks) + f"automations: [{{key: a, on: opv.assigned, do: [{action}]}}]\n"


@pytest.mark.parametrize("action", ["withdraw", "{withdraw: }", "{withdraw: {}}"])
def test_without_options_it_is_for_the_automatic_reason(action: str) -> None:
    (done,) = read(text(action)).automations[0].do
    assert isinstance(done, Withdraw)
    assert done.withdraw.reason is None


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            text("withdraw", "false"),
            "5:47: automations[0].do[0]: no reason is automatic: write `reason: …`, or `automatic: true` at one of the "
            "reasons",
        ),
        (
            text("{withdraw: {}}", "false"),
            "5:58: automations[0].do[0].withdraw: no reason is automatic: write `reason: …`, or `automatic: true` at "
            "one of the reasons",
        ),
        (
            text("withdraw", remarks="true"),
            "5:47: automations[0].do[0]: the reason `silent` needs remarks: write `remarks: …`",
        ),
        (
            text("{withdraw: {reason: pryce}}"),
            "5:67: automations[0].do[0].withdraw.reason: there is no withdrawal reason `pryce`, did you mean `price`?",
        ),
        (
            text("{withdraw: {reason: price}}"),
            "5:58: automations[0].do[0].withdraw: the reason `price` needs a sub-reason: write `sub_reason: …`, one of "
            "rate, total",
        ),
        (
            text("{withdraw: {reason: price, sub_reason: rates}}"),
            "5:86: automations[0].do[0].withdraw.sub_reason: `price` has no sub-reason `rates`, did you mean `rate`?",
        ),
        (
            text("{withdraw: {reasn: price}}"),
            "5:59: automations[0].do[0].withdraw.reasn: unknown key `reasn`, did you mean `reason`?",
        ),
    ],
)
def test_one_that_could_not_withdraw_is_an_error_on_its_line(written: str, problem: str) -> None:
    assert problems(written) == [f"f.yaml:{problem}"]


def test_one_reason_is_automatic_at_most() -> None:
    twice = text("withdraw").replace("{key: price, ", "{key: price, automatic: true, ")
    assert "f.yaml:4:50: withdrawal_reasons[1].automatic: `price` is automatic already: one reason is" in problems(
        twice
    )

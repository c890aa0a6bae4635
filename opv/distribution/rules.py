"""Which rule an OPV falls under: ordered, the first that matches wins, and why the ones before did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opv.house import CheckedRule


@dataclass(slots=True)
class RuleFound:
    """The matching rule, or None, and what was tried on the way (JSON-ready)."""

    rule: CheckedRule | None
    tried: list[dict[str, Any]] = field(default_factory=list)


def find_rule(rules: Sequence[CheckedRule], facts: Mapping[str, Any]) -> RuleFound:
    """The first rule whose condition holds."""
    found = RuleFound(None)
    for checked in rules:
        outcome = checked.when.test(facts)
        if outcome.holds:
            found.tried.append({"rule": checked.rule.key, "matched": True})
            found.rule = checked
            return found
        found.tried.append({"rule": checked.rule.key, "matched": False, "because": outcome.because})
    return found

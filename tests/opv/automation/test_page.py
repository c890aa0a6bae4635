"""`docs/automations.md` names every trigger, action, result and option."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.config import ACTIONS, Automation
from schemas.config.triggers import SOME_ENTRIES, TRIGGERS

PAGE = (Path(__file__).parents[3] / "docs" / "automations.md").read_text(encoding="utf-8")
RESULTS = ("done", "not_met", "cut", "failed", "waiting", "paused", "ended", "parked")


def test_the_page_names_all_there_is() -> None:
    cells = " ".join(re.findall(r"^\| ([^|]+) \|", PAGE, re.MULTILINE))
    named = set(re.findall(r"`\{?([a-z_]+)", cells))
    assert not (ACTIONS.keys() | TRIGGERS.keys() | set(RESULTS) | set(Automation.model_fields)) - named
    assert not [name for name in SOME_ENTRIES if f"`{name}`" not in PAGE]

"""The greeting of a conversation: its placeholders are ones that can be filled in."""

from __future__ import annotations

import re

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from schemas.conditions import nearest
from schemas.config.record import PLACEHOLDER, PLACEHOLDERS


def check_greeting(greeting: Place, report: Report) -> None:
    """Reports placeholders that nothing is known of, and braces that are none."""
    if greeting.text is None:
        return
    for name in re.findall(PLACEHOLDER, greeting.text):
        if name not in PLACEHOLDERS:
            report.error(greeting, f"there is no placeholder `{{{name}}}`, {nearest(name, PLACEHOLDERS)}")
    if re.search(r"[{}]", re.sub(PLACEHOLDER, "", greeting.text)):
        report.error(greeting, "a brace without its other: a placeholder is written `{client}`")

"""Automations that run by the clock: what they ask must be there when nothing but the clock sets them off."""

from __future__ import annotations

from collections.abc import Iterator

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report


def check_schedule(automation: Place, report: Report) -> None:
    """Reports conditions of a scheduled automation on the entry that triggered it, which there is none of."""
    if automation["on"].child("cron") is None:
        return
    for place in _of_entries(automation["when"]):
        message = "the clock sets this automation off, no entry: `event.` facts are never there"
        report.error(place, message, at_key=True)


def _of_entries(when: Place) -> Iterator[Place]:
    for name, place in when.entries().items():
        if name in ("any", "all"):
            for part in place.each():
                yield from _of_entries(part)
        elif name == "not":
            yield from _of_entries(place)
        elif name.startswith("event."):
            yield place

"""Texts with `{{ … }}`: each can be read, and names what there is."""

from __future__ import annotations

from collections.abc import Iterator

from opv.automation.templates import faults
from porteiro.configuration.automations import each_action
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File


def check_templates(file: File, report: Report) -> None:
    """Reports what is wrong in the templates of automations."""
    fields = file.by_key["fields"]
    has_links = file.root["notices"]["address"].text is not None
    for automation in file.items("automations"):
        for place, to_people in _templates(automation):
            if not isinstance(place.value, str):
                continue
            for message, line in faults(place.value, fields, link=to_people and has_links):
                within = f"in line {line} of the text, " if line > 1 else ""
                report.error(place, within + message)


def _templates(automation: Place) -> Iterator[tuple[Place, bool]]:
    """Where templates stand, and whether what is made of them is for people of the house."""
    for action in each_action(automation):
        notify, message = action["notify"], action["message"]
        yield from ((notify[name], True) for name in ("subject", "text"))
        ours = (action["comment"], message["subject"], message["text"], *message["values"].each())
        yield from ((place, False) for place in (*ours, action["pending"]["title"]))
        for bodies in (action["post"]["body"], action["set"]):
            yield from ((place, False) for place in bodies.scalars())

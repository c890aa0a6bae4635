"""Automations that another system starts: through a channel that there is."""

from __future__ import annotations

from adapters.sources.trigger import TriggerSource
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File
from schemas.conditions import nearest


def check_webhook(place: Place, file: File, report: Report) -> None:
    """Reports what stands after `webhook:` and is no channel of the source `trigger`."""
    if place.text is None:
        return
    channels = file.by_key["channels"]
    slug = TriggerSource.slug
    known = [key for key, channel in channels.items() if channel["source"].text == slug]
    if place.text in known:
        return
    if place.text in channels:
        source = channels[place.text]["source"].text
        report.error(
            place, f"channel `{place.text}` is of the source `{source}`, not `{slug}`: it starts no automation"
        )
    else:
        report.error(place, f"there is no channel `{place.text}` of the source `{slug}`, {nearest(place.text, known)}")

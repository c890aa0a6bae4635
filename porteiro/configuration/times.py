"""Triggers of automations that count a time or wait for a change: what they name is there, and the time is one."""

from __future__ import annotations

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File
from schemas.conditions import fold, nearest
from schemas.duration import Duration

_BEFORE = ("visit_at",)
_AFTER = ("created_at", "assigned_at", "first_contact_at", "visit_at")
_CHANGES = ("stage", "status", "broker", "manager", "team")
_NAMES = ("stage", "broker", "manager", "team")
"""Of what changes: that whose values are names of the file."""


def check_times(automation: Place, file: File, report: Report) -> None:
    """Reports statuses that the stage has not, times and fields that an OPV has not, waits of no length, and `older`
    where no time is counted."""
    on = automation["on"]
    _check_status(on, file, report)
    dates = [key for key, one in file.by_key["fields"].items() if one["kind"].text == "date"]
    for name, known in (("before", _BEFORE), ("after", _AFTER)):
        _check_time(on[name], (*known, *dates), file, report)
    for wait in (on["for"], on["by"]):
        _check_wait(wait, report)
    _check_change(on, file, report)
    counts = any(on.child(name) is not None for name in ("in_stage", "without", "before", "after"))
    if automation["older"].value is True and not counts:
        report.error(automation["older"], "`older` is of triggers that count a time: remove it")


def _check_status(on: Place, file: File, report: Report) -> None:
    stage, status = file.by_key["funnel.stages"].get(on["in_stage"].text or ""), on["status"]
    if stage is None or status.text is None:
        return
    known = [one["key"].text or "" for one in stage["statuses"].each()]
    if status.text not in known:
        key = stage["key"].text
        report.error(status, f"the stage `{key}` has no status `{status.text}`, {nearest(status.text, known)}")


def _check_time(place: Place, known: tuple[str, ...], file: File, report: Report) -> None:
    name = place.text
    if name is None or name in known:
        return
    if name in _AFTER:
        report.error(place, f"`{name}` is not known before it has come: write `after: {name}`")
    elif name in file.by_key["fields"]:
        report.error(place, f"the field `{name}` is no date: write `kind: date` there, or another one here")
    else:
        report.error(place, f"an OPV has no time `{name}`, {nearest(name, known)}")


def _check_wait(place: Place, report: Report) -> None:
    try:
        wait = Duration.parse(place.text or "")
    except ValueError:  # which the shape of the file tells
        return
    if not wait.span and not wait.days:
        report.error(place, f"`{place.text}` is no time: write for example `30 minutes`")


def _check_change(on: Place, file: File, report: Report) -> None:
    name = on["changed"].text
    if name is None:
        return
    known = (*_CHANGES, *file.by_key["fields"])
    if name not in known:
        report.error(on["changed"], f"nothing called `{name}` changes, {nearest(name, known)}")
    field = file.by_key["fields"].get(name) if name not in _CHANGES else None
    asked = [place for side in (on["from"], on["to"]) for place in side.each() or [side] if place.text is not None]
    if field is not None and field["kind"].text in (None, "text"):
        for place in asked:
            report.error(
                place, f"automations do not read the text in `{name}`: remove this, or write `kind: choice` there"
            )
    if name not in _NAMES:
        return
    values = file.facts[name]
    for place in asked:
        value = place.text or ""
        if fold(value) not in values:
            report.error(place, f"there is no {name} `{value}`, {nearest(value, values)}")

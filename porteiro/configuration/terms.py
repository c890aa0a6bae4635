"""What comes of OPVs that nobody takes: each way leads to somebody."""

from __future__ import annotations

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File
from schemas.conditions import nearest
from schemas.config.distribution import FALLBACKS

TAKERS = ("broker", "manager", "director")
"""Roles of those who may be given an OPV by name."""


def check_terms(terms: Place, file: File, report: Report, *, pooled: bool) -> None:
    """Reports ways of an `accept` or `expiry` that lead to nobody. `pooled`: there is a queue that has a pool."""
    for name in ("otherwise", "then"):
        if terms[name].text == "pool" and not pooled:
            report.error(terms[name], "there is no queue here that has a pool: write `next`, `manager`, `alert` …")
        else:
            _check_way(terms[name], file, report)


def check_offer(offer: Place, file: File, report: Report) -> None:
    """Reports a way of an unclaimed offer that leads to nobody."""
    _check_way(offer["otherwise"], file, report)


def check_taker(place: Place, file: File, report: Report) -> None:
    """Reports a person who cannot be given OPVs: who is not there, not active, or neither broker, manager nor
    director."""
    key, people = place.text, file.by_key["people"]
    if key is None:
        return
    takers = [one for role in TAKERS for one in file.with_role(role)]
    if key not in people:
        report.error(place, f"there is no person `{key}`, {nearest(key, takers)}")
    elif people[key]["active"].value is False:
        report.error(place, f"`{key}` is not active: name somebody who is")
    elif people[key]["role"].text not in (*TAKERS, None):
        report.error(place, f"`{key}` is `{people[key]['role'].text}`: name a broker, a manager or a director")


def _check_way(place: Place, file: File, report: Report) -> None:
    key = place.text
    if key is None or key in FALLBACKS:
        return
    if key not in file.by_key["people"]:
        known = (*FALLBACKS, *file.with_role("broker"), *file.with_role("manager"))
        report.error(place, f"`{key}` is no way and no person, {nearest(key, known)}")
    else:
        check_taker(place, file, report)

"""Junk: what is denied can be compared, and the fields that give robots away are no fields of a lead."""

from __future__ import annotations

from adapters.sources.form_places import places_of
from adapters.sources.form_presets import PLAIN
from opv.normalize.documents import read_document
from opv.normalize.emails import read_email
from opv.normalize.phones import read_phone
from opv.normalize.text import Notes
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report


def check_junk(junk: Place, report: Report) -> None:
    """Reports phones, e-mails and documents that no lead can have, and traps that a form's own fields would spring."""
    deny, form = junk["deny"], junk["form"]
    for name, what, readable in (
        ("phones", "a phone with its area code", lambda text: read_phone(text, None, Notes())),
        ("emails", "an e-mail", lambda text: read_email(text, Notes())),
        ("documents", "a CPF or CNPJ", lambda text: read_document(text, Notes())),
    ):
        for place in deny[name].each():
            if place.text is not None and not readable(place.text):
                report.error(place, f"this is not {what}: no lead would ever match it")
    for place in (*form["honeypot"].each(), form["rendered_at"]):
        if place.text is not None and _means_something(place.text):
            report.error(place, f"`{place.text}` is read as a field of the lead: give the form's field another name")


def _means_something(name: str) -> bool:
    """Whether the source `form` knows the name; what it does not know is an answer."""
    return any(target.field != "answers" for target in places_of(PLAIN, ()).place((name,), ()).targets)

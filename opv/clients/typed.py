"""What a person of the house types of a client, read by the rules of `opv.normalize`. Where a lead's bad value is left
out and flagged, one that is typed is refused: who typed it can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from opv.normalize.documents import read_document, why_no_document
from opv.normalize.emails import read_email
from opv.normalize.names import read_name
from opv.normalize.phones import read_phone
from opv.normalize.text import Notes
from schemas.client import OF_LEGAL, OF_NATURAL, ClientDetails, Kind
from schemas.errors import Reject

_WHY_NO_PHONE = {
    "phone_without_ddd": "its area code (DDD) is missing",
    "phone_not_personal": "it is a company's number, as 0800 or 4004",
    "placeholder_removed": "it is no number of anybody",
}


def typed_name(sent: str) -> str:
    """The name in its display form. Raises `Reject` `name_invalid`."""
    name = read_name(sent, Notes())
    if name is None or not any(c.isalpha() for c in name):
        raise Reject("name_invalid", f"{sent!r} is no name", 422)
    return name


def typed_document(sent: str) -> str:
    """A CPF or CNPJ, compact. Raises `Reject` `document_invalid`, which says what is wrong with it."""
    document = read_document(sent, Notes())
    if document is None:
        raise Reject("document_invalid", f"this is no CPF or CNPJ: {why_no_document(sent)}", 422)
    return document


def typed_phones(sent: Iterable[str]) -> list[str]:
    """Phones in E.164, each once. Raises `Reject` `phone_invalid`."""
    found: dict[str, None] = {}
    for position, text in enumerate(sent, 1):
        notes = Notes()
        numbers = read_phone(text, None, notes)
        if not numbers:
            why = next(
                (_WHY_NO_PHONE[code] for code in notes.flags if code in _WHY_NO_PHONE), "nobody has such a number"
            )
            raise Reject("phone_invalid", f"phone {position} cannot be called: {why}", 422)
        found.update(dict.fromkeys(numbers))
    return list(found)


def typed_emails(sent: Iterable[str]) -> list[str]:
    """E-mail addresses in lower case, each once. Raises `Reject` `email_invalid`."""
    found: dict[str, None] = {}
    for position, text in enumerate(sent, 1):
        addresses = read_email(text, Notes())
        if not addresses:
            raise Reject("email_invalid", f"e-mail {position} is no address that can be written to", 422)
        found.update(dict.fromkeys(addresses))
    return list(found)


def check_details(details: ClientDetails, kind: Kind, today: date) -> None:
    """Raises `Reject`: `detail_of_other_kind` for what this kind of person does not have, `date_in_future`."""
    others = OF_LEGAL if kind == "natural" else OF_NATURAL
    foreign = sorted(name for name in others if getattr(details, name) is not None)
    if foreign:
        raise Reject("detail_of_other_kind", f"a {kind} person has no {', '.join(foreign)}", 422)
    if details.birth_date is not None and not date(1880, 1, 1) <= details.birth_date <= today:
        raise Reject("birth_date_invalid", f"nobody alive was born on {details.birth_date}", 422)


def changed_details(before: ClientDetails, given: ClientDetails) -> ClientDetails:
    """The details with those that are given in place."""
    return before.model_copy(update={name: getattr(given, name) for name in given.model_fields_set})


def filled_details(before: ClientDetails, given: ClientDetails) -> ClientDetails:
    """The details with those that are given where nothing was known. Lists are put together, each item once."""
    fresh: dict[str, Any] = {}
    for name in given.model_fields_set:
        known, value = getattr(before, name), getattr(given, name)
        if isinstance(known, list):
            fresh[name] = [*known, *(one for one in value if one not in known)]
        elif known == ClientDetails.model_fields[name].get_default(call_default_factory=True):
            fresh[name] = value
    return before.model_copy(update=fresh)

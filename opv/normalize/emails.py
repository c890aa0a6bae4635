"""E-mail addresses: lower case, valid in form; deliverability is not asked (no DNS while leads wait)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from email_validator import validate_email

from opv.normalize.placeholders import no_email, placeholder
from opv.normalize.text import Notes, clean, without_invisible

EMAIL_LIMIT = 254
"""Longest address, in characters (RFC 5321, 4.5.3.1.3, less the angle brackets)."""

_MOST = 20
"""Most fields, addresses in one field, and addresses of one lead that are read; `raw` keeps the text of the others."""
_LONGEST = 2_000
_USUAL = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
# Names that no mailbox has (RFC 6761, 6762, 7686). `.test` and `example.com` stay: people try the house with them.
_NOWHERE = (".arpa", ".invalid", ".local", ".localhost", ".onion")
_AROUND = " \t\r\n.,;:<>\"'"
_IN_BRACKETS = re.compile(r"[^<>@]*<([^<>\s@]+@[^<>\s@]+)>")
_SEPARATORS = (re.compile(r"[\n,;|]+"), re.compile(r"[\s,;|/]+"))
_CONNECTORS = frozenset({"", "e", "ou", "or", "and", "-", "&"})


def read_emails(sent: Iterable[str], notes: Notes) -> tuple[str, ...]:
    """Valid addresses in lower case, in the order sent, each once. What changed or was dropped goes to `notes`."""
    found: dict[str, None] = {}
    for index, value in enumerate(sent):
        if index == _MOST or len(found) >= _MOST:
            notes.flag("emails_left_out")
            break
        found.update(dict.fromkeys(read_email(value, notes)))
    return tuple(found)[:_MOST]


def valid_email(text: str) -> str | None:
    """The address in lower case, or None when it is none. Damage is repaired only when the repair is certain."""
    address = _unwrapped(text)
    if len(address) > EMAIL_LIMIT:
        return None
    lower = address.lower()
    if lower.isascii() and _USUAL.fullmatch(lower) and "--" not in lower:
        return None if lower.endswith(_NOWHERE) else lower
    checked = _strictly(address)
    # An address that changes when it is read again is no key to recognize anybody by.
    return checked if checked and _strictly(checked) == checked else None


def read_email(sent: str, notes: Notes) -> list[str]:
    """The addresses in one field as sent."""
    text = without_invisible(clean("email", sent, notes))
    if not text:
        return []
    code = placeholder(text)
    if code:
        notes.keep("email", sent, code)
        return []
    addresses: list[str] = []
    for part in _parts(text[:_LONGEST])[:_MOST]:
        address = valid_email(part)
        if address is None or no_email(address):
            notes.flag("placeholder_removed" if address else "email_invalid")
        else:
            addresses.append(address)
    if addresses != [sent]:
        notes.keep("email", sent)
    return addresses


def _parts(text: str) -> list[str]:
    """The addresses of a field; a text that is not surely a list of addresses is one part."""
    if text.count("@") < 2:
        return [text]
    for separator in _SEPARATORS:
        parts = [part for part in separator.split(text) if part.strip().lower() not in _CONNECTORS]
        if all(part.count("@") == 1 for part in parts):
            return parts
    return [text]


def _unwrapped(text: str) -> str:
    """Without what surely does not belong: `mailto:`, a display name with brackets, signs at the ends."""
    text = text.strip(_AROUND)
    if text[:7].lower() == "mailto:":
        text = text[7:].partition("?")[0].strip(_AROUND)
    if "<" in text:
        inner = _IN_BRACKETS.fullmatch(text + ">")
        text = inner[1].strip(_AROUND) if inner else text
    return text


def _strictly(address: str) -> str | None:
    """By the library, `.test` allowed for this call alone; it wants a dot in the domain except there."""
    try:
        normalized = validate_email(address, check_deliverability=False, test_environment=True).normalized
    except ValueError:
        return None
    lower = normalized.lower()
    return lower if "." in lower.rpartition("@")[2] and len(lower) <= EMAIL_LIMIT else None

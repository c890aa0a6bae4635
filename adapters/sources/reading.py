"""Reading what senders send: bodies, scalars, ids, times and the questions of a form, as tolerantly as can be.

Nothing here raises on a value of an unexpected type or size; a body that cannot be read at all is a `Park`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from schemas.errors import Park
from schemas.lead import Lead, SentPhone
from schemas.source import percent_decoded

MAX_DEPTH = 32
"""Levels of containers that are read; what lies deeper becomes its own JSON text."""

MAX_PAIRS = 2000
"""Fields of a form-encoded body."""

CLICK_IDS = frozenset({"gclid", "fbclid", "gbraid", "wbraid", "msclkid", "ttclid"})
"""Click ids by the name that advertisers' links give them."""


def _no_constant(_name: str) -> None:
    """NaN and the infinities are not JSON and no fact about a lead: read as absent."""


def _whole(digits: str) -> int | str:
    """An integer; as text when it is longer than any id (Python refuses over 4,300 digits)."""
    return int(digits) if len(digits) <= 40 else digits


def _fraction(digits: str) -> float | str:
    """A float; as text when a float cannot hold it."""
    value = float(digits)
    return value if math.isfinite(value) else digits


def json_body(body: bytes) -> Any:
    """The body as JSON, in the Unicode encoding that it shows, else Latin-1. Raises `Park`."""
    try:
        text = body.decode(json.detect_encoding(body))
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    if not text.strip("\ufeff \t\r\n"):
        raise Park("empty_body", "the body is empty")
    try:
        value = json.loads(text.lstrip("\ufeff"), parse_constant=_no_constant, parse_int=_whole, parse_float=_fraction)
        return _shallow(value, MAX_DEPTH)
    except RecursionError as error:
        raise Park("too_deep", "the body is nested too deeply to be read") from error
    except ValueError as error:
        raise Park("not_json", "the body is not JSON") from error


def _shallow(value: Any, levels: int) -> Any:
    """The value with containers below `levels` as JSON text, so that whoever walks it later needs no guard."""
    if not isinstance(value, (dict, list)):
        return value
    if levels == 0:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return [_shallow(item, levels - 1) for item in value]
    return {key: _shallow(item, levels - 1) for key, item in value.items()}


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises `Park` when it is anything else."""
    value = json_body(body)
    if not isinstance(value, dict):
        raise Park("not_an_object", "the body is JSON, but not an object with fields")
    return value


def form_body(body: bytes) -> list[tuple[str, str]]:
    """Pairs of a form-encoded body in the order sent; each text UTF-8, else Latin-1. Raises `Park('not_form')`."""
    parts = [part.partition(b"=") for part in body.split(b"&") if part]
    if len(parts) > MAX_PAIRS:
        raise Park("not_form", f"the body has more than {MAX_PAIRS} form fields")
    return [(percent_decoded(name), percent_decoded(value)) for name, _, value in parts]


def as_text(value: Any) -> str | None:
    """A scalar as text; None for null, containers and blank text. Booleans become `true` and `false`."""
    if isinstance(value, str):
        return value if value.strip() else None
    if value is None or isinstance(value, (dict, list)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def flat(value: Any) -> Any:
    """A scalar or a list of scalars as it is, anything deeper as its JSON text: fit to be an answer."""
    deep = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value))
    return json.dumps(value, ensure_ascii=False) if deep else value


def identifier(value: Any) -> str | None:
    """A sender's id as text fit for a unique index: what is over 200 characters long or not printable is hashed."""
    text = (as_text(value) or "").strip()
    if len(text) <= 200 and text.isprintable():
        return text or None
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def list_of(value: str | None) -> list[str]:
    """The text in a list, or an empty list."""
    return [] if value is None else [value]


def is_true(value: Any) -> bool:
    """Whether a flag is set, in the ways senders write one."""
    return value is True or (as_text(value) or "").strip().lower() in ("true", "1", "yes", "y", "on", "sim", "s")


class Fields:
    """A JSON object read field by field. What was not taken, a value of an unexpected type included, is left
    in `rest`, for `Lead.extra`: nothing that a sender says is lost."""

    __slots__ = ("_left",)

    def __init__(self, value: Any) -> None:
        self._left: dict[str, Any] = dict(value) if isinstance(value, dict) else {}

    def text(self, *names: str) -> str | None:
        """Takes the first of the fields that holds a scalar, as text."""
        for name in names:
            text = as_text(self._left.get(name))
            if text is not None:
                del self._left[name]
                return text
        return None

    def texts(self, *names: str) -> dict[str, str]:
        """Takes all of the fields that hold a scalar, by name."""
        return {name: text for name in names if (text := self.text(name)) is not None}

    def fields(self, name: str) -> Fields:
        """Takes the object in a field; no fields when there is none."""
        return Fields(self._left.pop(name) if isinstance(self._left.get(name), dict) else None)

    def take(self, name: str) -> Any:
        """Takes the field, whatever it holds."""
        return self._left.pop(name, None)

    def items(self, name: str) -> list[Any]:
        """Takes the list in a field; empty when there is none."""
        return self._left.pop(name) if isinstance(self._left.get(name), list) else []

    def drop(self, *names: str) -> None:
        """Leaves out what the source knowingly does not keep."""
        for name in names:
            self._left.pop(name, None)

    def rest(self) -> dict[str, Any]:
        """What is left, without null and empty values."""
        return {name: value for name, value in self._left.items() if value not in (None, "", {}, [])}


def split_phones(body: Fields, ddd: Sequence[str], phone: Sequence[str], whole: Sequence[str]) -> list[SentPhone]:
    """Takes the phone out of the fields of these names: an area code and a number beside it; a field with both in
    one, which repeats them, counts when it says something else."""
    number, both = body.text(*phone), body.text(*whole)
    if number is None:
        return [SentPhone(value=value) for value in list_of(both)]
    area = body.text(*ddd)
    other = [] if both is None or _digits(f"{area or ''}{number}").endswith(_digits(both)) else [both]
    return [SentPhone(value=number, ddd=area), *(SentPhone(value=value) for value in other)]


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def note_page_url(lead: Lead, url: str | None) -> None:
    """Keeps the page's address; its query fills the UTM values and click ids that the lead lacks."""
    if url is None:
        return
    lead.extra["page_url"] = url
    try:
        pairs = parse_qsl(urlsplit(url.strip()).query, max_num_fields=200)
    except ValueError:
        return
    for name, value in pairs:
        lower = name.lower()
        if lower.startswith("utm_"):
            lead.utm.setdefault(lower.removeprefix("utm_"), value)
        elif lower in CLICK_IDS:
            lead.click_ids.setdefault(lower, value)


_FORMATS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%a, %d %b %Y %H:%M:%S %z")


def note_submitted_at(lead: Lead, sent: str | None, zone: ZoneInfo) -> None:
    """Sets `submitted_at` from ISO 8601, epoch seconds or milliseconds, `dd/mm/yyyy [hh:mm[:ss]]` or
    RFC 2822 (`Mon, 21 Sep 2026 14:59:00 +0000`).

    A time without offset is taken as `zone`'s and flagged `timezone_assumed`; one that cannot be read, or lies
    outside 2000 to 2100, is kept in `raw` and flagged `submitted_at_unreadable`."""
    if sent is None:
        return
    moment = _moment(sent.strip())
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
        lead.flags.append("timezone_assumed")
    if moment is None or not 2000 <= moment.year < 2100:
        lead.raw["submitted_at"] = sent
        lead.flags = [*(f for f in lead.flags if f != "timezone_assumed"), "submitted_at_unreadable"]
    else:
        lead.submitted_at = moment


def sent_at(sent: str | None, zone: ZoneInfo) -> datetime | None:
    """The time in any of the forms that `note_submitted_at` knows; None when there is none in it."""
    lead = Lead()
    note_submitted_at(lead, sent, zone)
    return lead.submitted_at


def _moment(text: str) -> datetime | None:
    if text.isascii() and text.isdigit() and len(text) in (10, 13):
        return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller adds the channel's zone
        except ValueError:
            continue
    return None


def take_questions(lead: Lead, questions: Iterable[tuple[str, list[str]]], known: Mapping[str, str]) -> None:
    """Puts the answers of a platform's form where they belong.

    `known` says what a question's lower-case name holds: `name`, `first_name`, `last_name`, `phone`, `email`,
    `document`, `city` or `state`. Hidden `utm_…` and click id fields are recognised; all else is an answer."""
    parts: dict[str, str] = {}
    for question, values in questions:
        name = question.strip().lower()
        field = known.get(name)
        if field == "phone":
            lead.phones += [SentPhone(value=value) for value in values]
        elif field == "email":
            lead.emails += values
        elif len(values) != 1 or not _take_single(lead, parts, field, name, values[0]):
            for value in values:
                add_answer(lead, question, value)
    lead.name = lead.name or joined_name(parts.get("first_name"), parts.get("last_name"))


def _take_single(lead: Lead, parts: dict[str, str], field: str | None, name: str, value: str) -> bool:
    """Whether the value found its place, which holds one value and was still free."""
    if field in ("first_name", "last_name"):
        return parts.setdefault(field, value) is value
    if field is not None and getattr(lead, field) is None:
        setattr(lead, field, value)
        return True
    if name.startswith("utm_"):
        return lead.utm.setdefault(name.removeprefix("utm_"), value) is value
    return name in CLICK_IDS and lead.click_ids.setdefault(name, value) is value


def joined_name(first: str | None, last: str | None) -> str | None:
    """First and last name as one, or None."""
    return " ".join(part.strip() for part in (first, last) if part) or None


def add_answer(lead: Lead, question: str, answer: Any) -> None:
    """Adds an answer; a question that is answered again keeps all its answers, in a list."""
    before = lead.answers.get(question)
    if before is None:
        lead.answers[question] = answer
    elif isinstance(before, list):
        lead.answers[question] = [*before, answer]
    else:
        lead.answers[question] = [before, answer]

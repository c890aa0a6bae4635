"""What a person can be told by, to be looked for in texts: names, documents, phones, e-mails and what else is held."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opv.normalize.names import name_key
from schemas.conditions import fold
from schemas.source import percent_decoded

_PHONE_END = 8
"""Digits at the end of a number by which it is found, however it is written and with or without the ninth digit."""

_LEAST = 5
"""Characters below which a value is no trace: it would be found everywhere."""

_BETWEEN = r"[\s().+/-]{0,3}"
"""What may stand between the digits of a number."""

_NO_DIGIT = re.compile(r"[^0-9]+")
_NO_SIGN = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True)
class Traces:
    """What to look for: folded texts, their first names, the ends of phone numbers, and documents without signs."""

    phones: frozenset[str]
    """In E.164."""
    emails: frozenset[str]
    documents: frozenset[str]
    names: frozenset[str]
    """As keys of `opv.normalize.names`."""
    texts: frozenset[str]
    """What else, folded."""

    @property
    def contacts(self) -> set[str]:
        """Phones, e-mails and documents as leads are marked with."""
        return {*self.phones, *self.emails, *self.documents}

    def found_in(self, text: str | None) -> bool:
        """Whether one of them stands in the text, in any usual spelling."""
        return text is not None and any(self._found(one) for one in {text, percent_decoded(text.encode())})

    def contact_in(self, request: bytes) -> bool:
        """Whether a phone, e-mail or document stands in a raw request, written in any usual way. Names do not count:
        others have them too."""
        if self._contact is None:
            return False
        text = request.decode("latin-1")
        decoded = percent_decoded(request) if b"%" in request else text
        return any(self._contact.search(one.lower()) for one in {text, decoded})

    def mentioned_in(self, text: str | None) -> bool:
        """The same; the first name too, as people call each other in what they write about one OPV."""
        if text is None:
            return False
        words = set(name_key(text).split())
        return self.found_in(text) or any(name.split()[0] in words for name in self.names)

    def without(self, value: Any) -> Any:
        """JSON with null in place of each text or number that has a trace."""
        if isinstance(value, dict):
            return {name: self.without(one) for name, one in value.items() if not self.found_in(name)}
        if isinstance(value, list):
            return [self.without(one) for one in value]
        found = isinstance(value, str | int | float) and not isinstance(value, bool) and self.found_in(str(value))
        return None if found else value

    @cached_property
    def _contact(self) -> re.Pattern[str] | None:
        parts = [*map(_phone_pattern, self.phones), *map(_document_pattern, self.documents)]
        parts += [re.escape(email) for email in self.emails]
        return re.compile("|".join(parts)) if parts else None

    def _found(self, text: str) -> bool:
        folded = fold(text)
        if any(one in folded for one in (*self.emails, *self.texts)):
            return True
        digits = _NO_DIGIT.sub("", folded)
        if any(phone[-_PHONE_END:] in digits for phone in self.phones):
            return True
        signs = _NO_SIGN.sub("", folded)
        if any(document.lower() in signs for document in self.documents):
            return True
        return bool(self.names) and self._named(name_key(text))

    def _named(self, words: str) -> bool:
        return any(f" {name} " in f" {words} " for name in self.names if " " in name or len(name) >= _LEAST)


def _phone_pattern(phone: str) -> str:
    """The number, bounded, with or without country, area code and ninth digit."""
    digits = phone.removeprefix("+")
    if not digits.startswith("55") or len(digits) not in (12, 13):
        return rf"(?<!\d)\+?{_spaced(digits)}(?!\d)"
    country, area, end = _spaced("55"), _spaced(digits[2:4]), _spaced(digits[-_PHONE_END:])
    return rf"(?<!\d)(?:\+?{country}{_BETWEEN})?(?:0?{area}{_BETWEEN})?(?:9{_BETWEEN})?{end}(?!\d)"


def _document_pattern(document: str) -> str:
    return rf"(?<![0-9a-z]){_spaced(document.lower())}(?![0-9a-z])"


def _spaced(signs: str) -> str:
    return _BETWEEN.join(map(re.escape, signs))


def traces_of(told: Iterable[Mapping[str, Any]], heard: Iterable[str] = ()) -> Traces:
    """Traces out of what is and was held: mappings with `name`, `document`, `phones`, `emails` and `details`. `heard`:
    folded names heard with the person's own contacts."""
    known = list(told)
    details = {text for one in known for text in _texts(one.get("details"))}
    return Traces(
        phones=frozenset(phone for one in known for phone in one.get("phones") or ()),
        emails=frozenset(email for one in known for email in one.get("emails") or ()),
        documents=frozenset(one["document"] for one in known if one.get("document")),
        names=frozenset(filter(None, (*heard, *(name_key(one.get("name")) for one in known)))),
        texts=frozenset(folded for text in details if len(folded := fold(text)) >= _LEAST),
    )


def told_in(contents: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """What contents of history entries about a client tell of it: what was added, the values before and after a
    change, both sides of a merge."""
    for text in contents:
        content = json.loads(text)
        for one in (content, *(content.get(name) for name in ("before", "after", "stays", "goes"))):
            if isinstance(one, dict):
                details = {name.removeprefix("details."): value for name, value in one.items()}
                yield {"details": details, **one}


_OF_ONE_ALONE = ("rg", "social_name", "state_registration", "municipal_registration")
"""Details that tell who somebody is; a profession or a street does not."""


def _texts(details: Any) -> Iterator[str]:
    if isinstance(details, dict):
        yield from (value for name in _OF_ONE_ALONE if isinstance(value := details.get(name), str))

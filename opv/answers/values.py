"""Tags and fields as an OPV's row holds them, and what a value of a field may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from opv import history
from schemas.conditions import fold, number
from schemas.config import HouseField
from schemas.errors import Reject
from schemas.opv import Value

LONGEST = 4000
"""Characters of a text."""

_DIGITS = 15
"""Of a number: as many as JSON keeps exactly."""

_TRUTHS = {**dict.fromkeys(("true", "yes", "sim"), True), **dict.fromkeys(("false", "no", "nao"), False)}


def tags_of(stored: str | None) -> list[str]:
    """The tags of an OPV, by key, in the order in which they were put."""
    tags: list[str] = json.loads(stored) if stored else []
    return tags


def fields_of(stored: str | None) -> dict[str, Value]:
    """The values of an OPV's fields, by key; those that are empty are not there."""
    fields: dict[str, Value] = json.loads(stored) if stored else {}
    return fields


def stored(kept: list[str] | Mapping[str, Value]) -> str | None:
    """As the row holds it."""
    return history.text_of(kept) if kept else None


def typed(field: HouseField, given: Any) -> Value | None:
    """The value as it is kept, None for an empty one: a text, a number, a date as `2026-03-01`, true or false, one of
    the options as the configuration writes it. Raises `Reject` `wrong_value` (422)."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    value = _READ[field.kind](field, given.strip() if isinstance(given, str) else given)
    if value is None:
        raise Reject("wrong_value", f"the field {field.key} takes {_expected(field)}", 422)
    return value


def _text(_: HouseField, given: Any) -> str | None:
    text = None if isinstance(given, bool) else str(given)
    return text if text is not None and len(text) <= LONGEST and "\0" not in text else None


def _number(_: HouseField, given: Any) -> int | float | None:
    read = number(given)
    if read is None or len(read.as_tuple().digits) > _DIGITS or abs(read.adjusted()) > _DIGITS:
        return None
    return int(read) if read == read.to_integral_value() else float(read)


def _date(_: HouseField, given: Any) -> str | None:
    try:
        return date.fromisoformat(str(given)).isoformat()
    except ValueError:
        return None


def _yes_no(_: HouseField, given: Any) -> bool | None:
    return given if isinstance(given, bool) else _TRUTHS.get(fold(str(given)))


def _choice(field: HouseField, given: Any) -> str | None:
    wanted = fold(str(given))
    return next((option for option in field.options if fold(option) == wanted), None)


_READ: Mapping[str, Callable[[HouseField, Any], Value | None]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "yes_no": _yes_no,
    "choice": _choice,
}


def _expected(field: HouseField) -> str:
    if field.kind == "choice":
        return f"one of {', '.join(field.options)}"
    return {
        "text": f"a text of {LONGEST} characters at most",
        "number": f"a number of {_DIGITS} digits at most, as 350000 or 12.5",
        "date": "a date, as 2026-03-01",
        "yes_no": "true or false",
    }[field.kind]


def decimal(value: Value | None) -> Decimal | None:
    """A number that is kept, exactly as it was written; None for anything else."""
    return number(value) if isinstance(value, int | float) else None

"""Facts about the entries of an OPV's history: `count.opv.returned`, `count.contact.added.3d`,
`hours_since.comment.added`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import get_args

from schemas.config.triggers import SOME_ENTRIES, EventName

COUNT, HOURS_SINCE = "count.", "hours_since."

KINDS: tuple[str, ...] = tuple(name for name in get_args(EventName) if name not in SOME_ENTRIES)
"""Kinds of entries that can be counted."""

WITHIN = r"[1-9][0-9]{0,4}[dh]"
"""How a time is written behind a kind: days or hours."""

_SHAPE = re.compile(rf"(?:count\.(?P<counted>.+?)(?:\.(?P<within>{WITHIN}))?|hours_since\.(?P<last>.+))")


@dataclass(frozen=True, slots=True)
class Counted:
    """Entries of a `kind`; `within`: those alone that are younger."""

    kind: str
    within: timedelta | None = None


@lru_cache(maxsize=1024)
def counted(fact: str) -> Counted | None:
    """The entries that a fact is about, of a kind that is known or not; None for a fact about something else."""
    shape = _SHAPE.fullmatch(fact)
    if shape is None:
        return None
    if shape["within"] is None:
        return Counted(shape["counted"] or shape["last"])
    number, unit = int(shape["within"][:-1]), shape["within"][-1]
    return Counted(shape["counted"], timedelta(days=number) if unit == "d" else timedelta(hours=number))

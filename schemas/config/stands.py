"""Sales stands (plantões de vendas): who is on duty at a development, and when."""

from __future__ import annotations

from pydantic import Field

from schemas.config.people import Located
from schemas.config.values import Key, Part, ShiftText, Text


class StandLine(Part):
    """A line of the roster. Lines of a date take the place of the weekly ones on it; with no brokers, nobody comes."""

    when: ShiftText
    """`sat-sun 09:00-19:00`, or of one date, `2026-12-05 09:00-19:00`."""
    brokers: list[Key]


class Stand(Located):
    """A sales stand and its roster."""

    key: Key
    name: Text
    check_in: bool = True
    """Whether a broker on the roster gets leads there only after checking in."""
    roster: list[StandLine] = Field(default_factory=list)

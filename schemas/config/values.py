"""What a value of the configuration file may be: keys, texts, addresses, times, and the base of its parts."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from schemas.cron import Cron
from schemas.duration import Duration
from schemas.shift import Shift

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_ADDRESS = re.compile(r"(?:https?://[^\s@#/?]|\$\{)[^\s@#]*")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_DAY_OFF = re.compile(r"([0-9]{4}-)?([0-9]{2}-[0-9]{2})", re.ASCII)


def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise ValueError(f"`{value}` is no key: write 1 to 64 lower-case letters, digits, `-` or `_`, as `ana-lima`")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"`{value}` is no time zone: write for example `America/Sao_Paulo`") from None
    return value


def _day_off(value: str) -> str:
    shape = _DAY_OFF.fullmatch(value)
    try:
        date.fromisoformat((shape[1] or "2000-") + shape[2] if shape else "")
    except ValueError:
        raise ValueError(
            f"`{value}` is no day: write a date, as `2026-01-25`, or month and day for every year, as `01-25`"
        ) from None
    return value


def _shift(value: str) -> str:
    Shift.parse(value)
    return value


def _duration(value: str) -> str:
    Duration.parse(value)
    return value


def _by_clock(value: str) -> str:
    if Duration.parse(value).kind != "calendar":
        raise ValueError(f"`{value}`: business time is not counted here, write for example `1 hour`, `2 days`")
    return value


def _span(value: str) -> str:
    duration = Duration.parse(value)
    if duration.kind != "calendar" or duration.span < timedelta(minutes=1):
        raise ValueError(
            f"`{value}` cannot be waited for here: write at least a minute, for example `1 hour`, `2 days`"
        )
    return value


def _cron(value: str) -> str:
    Cron.parse(value)
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("this is no address: write `https://…`, with `${NAME}` for what is secret in it")
    return value


def _color(value: str) -> str:
    if not _COLOR.fullmatch(value):
        raise ValueError('write a colour, as `"#1a7f37"`')
    return value


def _pattern(value: str) -> str:
    if value.startswith("re:"):
        try:
            re.compile(value.removeprefix("re:"))
        except re.error as error:
            raise ValueError(f"this is no regular expression: {error}") from None
    return value


def _scalar_text(value: Any) -> Any:
    """A YAML scalar where text is meant: `listings: [101]` is the code "101"."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Key = Annotated[str, BeforeValidator(_scalar_text), AfterValidator(_key)]
Text = Annotated[str, BeforeValidator(_scalar_text), Field(min_length=1, max_length=500)]
Zone = Annotated[str, AfterValidator(_zone)]
Calendar = Text
"""A country or a subdivision of it that the `holidays` library knows, as `BR`, `BR-SP`, `BR-São Paulo Capital`."""
DurationText = Annotated[str, AfterValidator(_duration)]
ClockText = Annotated[str, AfterValidator(_by_clock)]
"""A duration by the clock: no business time."""
SpanText = Annotated[str, AfterValidator(_span)]
"""A duration by the clock, a minute or longer."""
CronText = Annotated[Text, AfterValidator(_cron)]
"""Minute, hour, day, month and weekday, as `0 9 * * mon-fri`."""
DayOff = Annotated[str, AfterValidator(_day_off)]
"""A date, `2026-01-25`, or a day of every year, `01-25`."""
ShiftText = Annotated[str, AfterValidator(_shift)]
"""Days and hours, as `mon-fri 09:00-18:00`."""
Address = Annotated[Text, AfterValidator(_address)]
Color = Annotated[str, AfterValidator(_color)]
"""As `#1a7f37`."""
Pattern = Annotated[Text, AfterValidator(_pattern)]


class Part(BaseModel):
    """Base of every part of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

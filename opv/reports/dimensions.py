"""What figures are counted by: keys of the configuration with their names, days, weeks and months of the company."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import get_args

from db.session import AnyRow
from opv.capture import MANUAL
from opv.catalog import REGISTRIES
from opv.house import House
from schemas.config import Development, Person, Stage, Team, WithdrawalReason
from schemas.reports import Times

NONE = "(sem valor)"
TIMES = get_args(Times)
_BY_HAND = "Cadastro manual"
_MONTHS = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")
_MOST = 400
"""Days, weeks or months that a report fills in between its first and its last."""

_Named = Person | Team | Stage | Development | WithdrawalReason


@dataclass(frozen=True, slots=True)
class Dimension:
    """What is counted by: the columns it is read from, the key of a row, and the key's name. `is_time`: its keys are in
    the order of time, and none in between is left out."""

    columns: Sequence[str]
    key: Callable[[AnyRow], str | None]
    name: Callable[[str | None], str]
    is_time: bool = False

    def order(self, totals: Mapping[str | None, int]) -> list[str | None]:
        """Keys as they are listed: the most first, times one after the other."""
        if self.is_time:
            return list(_filled([key for key in totals if key is not None]))
        return sorted(totals, key=lambda key: (-totals[key], key or ""))


def dimension(house: House, by: str, at: str) -> Dimension:
    """The dimension of this name; `at` is the column with the time of what is counted."""
    if by in TIMES:
        return Dimension(
            [at], lambda row: _time_key(by, row._mapping[at].astimezone(house.zone).date()), _time_name, True
        )
    if by == "sub_reason":
        return Dimension(["reason", "sub_reason"], _sub_reason, lambda key: _sub_reason_name(house, key))
    if by in REGISTRIES:
        return Dimension([by], lambda row: registered(house, by, row._mapping[by]), lambda key: name_of(house, by, key))
    return Dimension([by], lambda row: row._mapping[by], lambda key: name_of(house, by, key))


def columns(*dimensions: Dimension | None) -> list[str]:
    """The columns that dimensions are read from, each once."""
    return list(dict.fromkeys(name for one in dimensions if one is not None for name in one.columns))


def registered(house: House, field: str, value: str | None) -> str | None:
    """The key of the campaign, medium or origin that a value means, so that what was captured before it had one counts
    with it; the value where it means none."""
    found = house.catalog.registered(field, value) if value is not None else None
    return found.key if found else value


def name_of(house: House, by: str, key: str | None) -> str:
    """The name in force of what is counted, its key when the configuration no longer has it."""
    if key is None:
        return NONE
    if by == "channel":
        return key or _BY_HAND
    if by == "source":
        titles = {one.source.slug: one.source.title for one in house.entrances.values()}
        return {MANUAL: _BY_HAND, **titles}.get(key, key)
    if by in REGISTRIES:
        found = house.catalog.registered(by, key)
        return found.name if found else key
    configuration = house.configuration
    named: Mapping[str, Sequence[_Named]] = {
        "reason": configuration.withdrawal_reasons,
        "stage": configuration.stages,
        "team": configuration.teams,
        "development": configuration.developments,
    }
    return next((one.name for one in named.get(by, configuration.people) if one.key == key), key)


def _sub_reason(row: AnyRow) -> str:
    return f"{row.reason}/{row.sub_reason}" if row.sub_reason else str(row.reason)


def _sub_reason_name(house: House, key: str | None) -> str:
    reason, _, sub = (key or "").partition("/")
    known = [one for one in house.configuration.withdrawal_reasons if one.key == reason]
    name = name_of(house, "reason", reason)
    return f"{name}: {next((s.name for one in known for s in one.sub_reasons if s.key == sub), sub)}" if sub else name


def _time_key(times: str, day: date) -> str:
    if times == "month":
        return f"{day:%Y-%m}"
    if times == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return day.isoformat()


def _first_day(key: str) -> tuple[str, date]:
    """What a key of time is of, and its first day."""
    if "W" in key:
        return "week", date.fromisocalendar(int(key[:4]), int(key[6:]), 1)
    return (
        ("month", date.fromisoformat(f"{key}-01")) if len(key) == len("2026-09") else ("day", date.fromisoformat(key))
    )


def _time_name(key: str | None) -> str:
    """A time as people of the house write it."""
    if key is None:
        return NONE
    times, first = _first_day(key)
    if times == "month":
        return f"{_MONTHS[first.month - 1]}/{first.year}"
    return f"{first:%d/%m/%Y}" if times == "day" else f"{first:%d/%m} a {first + timedelta(days=6):%d/%m/%Y}"


def _filled(keys: Sequence[str]) -> Iterable[str]:
    """Times from the first to the last of these; only these, when that would be too many."""
    if not keys:
        return []
    times, day = _first_day(min(keys))
    last = _first_day(max(keys))[1]
    found: list[str] = []
    while day <= last and len(found) <= _MOST:
        found.append(_time_key(times, day))
        step = {"day": 1, "week": 7, "month": 31}[times]
        day = (day + timedelta(days=step)).replace(day=1) if times == "month" else day + timedelta(days=step)
    return found if len(found) <= _MOST else sorted(keys)

"""Whether a client may be written to, at which address, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from opv.clients.involved import Involved
from opv.house import House
from opv.normalize.phones import is_mobile
from schemas.client_message import WAYS

_DAY = timedelta(days=1)
_MOST_ENDS = 100
"""Ends of quiet times that are looked at, one after the other."""


def phone_of(client: Involved, target: str) -> str | None:
    """The phone that a target of this kind writes to: on WhatsApp the first mobile one."""
    fitting = filter(is_mobile, client.phones) if target == "conecta" else iter(client.phones)
    return None if target == "smtp" else next(fitting, None)


def email_of(client: Involved, target: str) -> str | None:
    """The e-mail that a target of this kind writes to."""
    return None if target == "conecta" else next(iter(client.emails), None)


def refusal(client: Involved, target: str) -> tuple[str, str] | None:
    """Why the client is not written to by a target of this kind: `no_consent` or `no_address`, and a sentence. A
    webhook may write in any way, so it is not asked to once the client has taken back one of them."""
    if any(way in client.details.preferences.unwanted for way in WAYS[target]):
        return "no_consent", "the client does not want to be written to in that way"
    if phone_of(client, target) is None and email_of(client, target) is None:
        return "no_address", "the client has no address for that way"
    return None


def not_before(house: House, client: Involved, now: datetime) -> datetime | None:
    """When the client may be written to: now, or when the quiet hours are over, the house's and the client's own. None
    when these leave no time at all."""
    own = client.details.preferences.quiet
    quiet = [(one.start.replace(tzinfo=None), one.until.replace(tzinfo=None)) for one in own]
    hours = house.configuration.messages.quiet_hours
    if hours is not None:
        quiet.append((time.fromisoformat(hours.from_), time.fromisoformat(hours.to)))
    calendar = house.duty.company.hours.calendar
    moment = now
    for _ in range(_MOST_ENDS):
        local = moment.astimezone(calendar.zone)
        closed = hours is not None and hours.days_off and (local.weekday() == 6 or calendar.is_holiday(local.date()))
        end = _midnight_after(local) if closed else _end(quiet, local)
        if end is None:
            return max(moment, now)
        moment = end.astimezone(UTC)
    return None


def _end(quiet: Sequence[tuple[time, time]], local: datetime) -> datetime | None:
    """When the quiet hours that the moment is in are over; None when it is in none."""
    now = local.time()
    for start, until in quiet:
        end = datetime.combine(local.date(), until, local.tzinfo)
        if start <= now < until or now < until < start:
            return end
        if until < start <= now:
            return end + _DAY
    return None


def _midnight_after(local: datetime) -> datetime:
    return datetime.combine(local.date() + _DAY, time(), local.tzinfo)

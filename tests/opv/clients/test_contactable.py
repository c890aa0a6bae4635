"""When clients may be written to: never in quiet hours, and as soon as these are over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opv.clients.contactable import not_before, refusal
from opv.clients.involved import Involved
from opv.house import House, build_house
from schemas.client import ClientDetails
from schemas.config import Configuration

ZONE = ZoneInfo("America/Sao_Paulo")


def house(quiet: dict[str, object] | None = None) -> House:
    configuration = Configuration.model_validate(
        {
            "company": {"holidays": "BR-SP"}, "funnel": {"stages": [{"key": "new", "name": "Novo"}]},
            **({"messages": {"quiet_hours": quiet}} if quiet is not None else {}),
        }
    )  # fmt: skip
    return build_house(1, configuration, {})


def client(**preferences: object) -> Involved:
    details = ClientDetails.model_validate({"preferences": preferences})
    return Involved(
        UUID(int=1), "natural", "buyer", True, "Rita Exemplo", None, ("+551133330000", "+5511980000001"),
        ("rita@example.com",), None, details, datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def at(*local: int) -> datetime:
    return datetime(*local, tzinfo=ZONE).astimezone(UTC)  # type: ignore[arg-type,misc] # a date as a tuple


@pytest.mark.parametrize(
    ("quiet", "asked", "begins"),
    [
        (None, (2026, 9, 21, 3, 0), (2026, 9, 21, 3, 0)),
        ({}, (2026, 9, 21, 19, 59), (2026, 9, 21, 19, 59)),
        ({}, (2026, 9, 21, 20, 0), (2026, 9, 22, 8, 0)),
        ({}, (2026, 9, 22, 7, 59), (2026, 9, 22, 8, 0)),
        ({}, (2026, 9, 22, 8, 0), (2026, 9, 22, 8, 0)),
        ({"from": "12:00", "to": "13:00"}, (2026, 9, 21, 12, 30), (2026, 9, 21, 13, 0)),
        ({}, (2026, 9, 20, 9, 0), (2026, 9, 20, 9, 0)),
        ({"days_off": True}, (2026, 9, 20, 9, 0), (2026, 9, 21, 8, 0)),  # a Sunday
        ({"days_off": True}, (2026, 9, 19, 21, 0), (2026, 9, 21, 8, 0)),
        ({"days_off": True}, (2026, 9, 19, 9, 0), (2026, 9, 19, 9, 0)),  # a Saturday
        ({"days_off": True}, (2026, 9, 7, 9, 0), (2026, 9, 8, 8, 0)),  # Independence Day
    ],
)
def test_quiet_hours(quiet: dict[str, object] | None, asked: tuple[int, ...], begins: tuple[int, ...]) -> None:
    assert not_before(house(quiet), client(), at(*asked)) == at(*begins)


def test_the_client_has_quiet_hours_of_its_own() -> None:
    late = client(quiet=[{"start": "08:00", "until": "10:00"}])
    assert not_before(house({}), late, at(2026, 9, 21, 21, 0)) == at(2026, 9, 22, 10, 0)
    never = client(quiet=[{"start": "00:00", "until": "12:00"}, {"start": "12:00", "until": "00:00"}])
    assert not_before(house(), never, at(2026, 9, 21, 9, 0)) is None


MINUTES = st.integers(0, 1439).map(lambda minutes: time(minutes // 60, minutes % 60))
QUIET = st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] != pair[1])


@given(st.lists(QUIET, max_size=3), st.integers(0, 60 * 24 * 400))
def test_it_is_the_first_moment_that_is_not_quiet(quiet: list[tuple[time, time]], minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    listed = [{"start": start.isoformat(), "until": until.isoformat()} for start, until in quiet]
    begins = not_before(house(), client(quiet=listed), now)

    def is_quiet(moment: datetime) -> bool:
        local = moment.astimezone(ZONE).time()
        return any(a <= local < b if a < b else local >= a or local < b for a, b in quiet)

    day = [now + timedelta(minutes=minute) for minute in range(1440)]
    assert begins == next((moment for moment in day if not is_quiet(moment)), None)


def test_no_consent_and_no_address() -> None:
    for way, refused in (("email", {"smtp", "webhook"}), ("whatsapp", {"conecta", "webhook"}), ("call", set())):
        one = client(unwanted=[way])
        assert {target for target in ("smtp", "conecta", "webhook") if refusal(one, target)} == refused
    landline = replace(client(), phones=("+551133330000",), emails=())
    assert [refusal(landline, target) and "no_address" for target in ("smtp", "conecta", "webhook")] == [
        "no_address", "no_address", None,
    ]  # fmt: skip

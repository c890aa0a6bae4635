"""Who is on duty: what is inherited, whom shifts bind, who stands at a stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from opv.duty import DutyBook
from schemas.config import Configuration
from schemas.duration import Duration

SAO_PAULO, MANAUS = ZoneInfo("America/Sao_Paulo"), ZoneInfo("America/Manaus")
WAIT = Duration.parse("15 business minutes")


def person(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "name": key.title(), "role": "broker", **more}


BOOK = DutyBook(
    Configuration.model_validate(
        {
            "company": {"holidays": "BR-SP", "days_off": ["01-25"], "shifts": ["mon-fri 08:00-17:00"]},
            "people": [
                {"key": "paula", "name": "Paula", "role": "manager"},
                person("ana", absences=[{"from": "2026-12-20", "to": "2027-01-05", "reason": "vacation"}]),
                person("bia", shifts=["sat,sun 10:00-16:00"], days_off=[]),
                person("caio", timezone="America/Manaus", holidays="BR-AM"),
                person("davi", shifts=[], absences=[{"from": "2026-12-20", "to": "2026-12-20"}]),
                person("eva"),
                person("gil"),
            ],
            "teams": [
                {"key": "norte", "name": "Norte", "managers": [{"person": "paula", "brokers": ["eva"]}]},
                {
                    "key": "sul", "name": "Sul", "shifts": ["mon-sat 10:00-19:00"], "days_off": ["2026-12-31"],
                    "managers": [{"person": "paula", "brokers": ["ana", "bia", "caio", "davi", "eva"]}],
                },
            ],
            "stands": [
                {
                    "key": "jardim", "name": "Estande Jardim",
                    "roster": [
                        {"when": "sat-sun 09:00-14:00", "brokers": ["ana", "bia"]},
                        {"when": "sat-sun 13:00-19:00", "brokers": ["caio"]},
                        {"when": "sat-sun 13:00-19:00", "brokers": ["davi"]},
                        {"when": "holidays 10:00-12:00", "brokers": ["eva"]},
                        {"when": "2026-12-05 20:00-01:00", "brokers": ["gil"]},
                        {"when": "2026-12-13 00:00-24:00", "brokers": []},
                    ],
                },
                {"key": "rio-negro", "name": "Rio Negro", "timezone": "America/Manaus", "holidays": "BR-AM",
                 "roster": [{"when": "sat 09:00-10:00", "brokers": ["ana"]}]},
            ],
            "funnel": {"stages": [{"key": "new", "name": "Novo"}]},
        }
    )
)  # fmt: skip


def at(text: str, zone: ZoneInfo = SAO_PAULO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("key", "bound", "begins"),
    [
        ("ana", True, at("2026-12-11T10:00")),  # of the team
        ("bia", True, at("2026-12-12T10:00")),  # its own
        ("caio", True, at("2026-12-11T10:00", MANAUS)),  # the team's hours by its own clock
        ("davi", False, at("2026-12-11T08:00")),  # none, whatever the team has: business time is the company's
        ("eva", False, at("2026-12-11T08:00")),  # of its first team, which has none
        ("paula", False, at("2026-12-11T08:00")),
        ("gil", False, at("2026-12-11T08:00")),  # in no team
        ("nobody", False, at("2026-12-11T08:00")),
    ],
)
def test_what_a_person_lacks_is_the_teams_then_the_companys(key: str, bound: bool, begins: datetime) -> None:
    friday = at("2026-12-11T00:00")
    assert BOOK.bound(key) is bound
    assert BOOK.working_time(key).next_start(friday) == begins
    assert BOOK.off_duty(key, friday)[0] == ("off_shift" if bound else None)


def test_days_off_are_inherited_as_a_whole() -> None:
    eve, founding = at("2026-12-31T11:00"), at("2026-01-25T11:00")  # a Sunday
    assert BOOK.company.state(eve)[0] is None
    assert BOOK.team_working_time("sul").state(eve)[0] == "holiday"
    assert BOOK.team_working_time("norte").state(eve)[0] is None
    assert BOOK.team_working_time("unknown").state(founding)[0] == "holiday"
    assert BOOK.working_time("bia").state(founding)[0] is None
    assert BOOK.working_time("caio").state(at("2026-07-09T12:00"))[0] is None  # a holiday of São Paulo alone
    assert BOOK.working_time("eva").state(at("2026-07-09T12:00"))[0] == "holiday"


def test_a_vacation_ends_with_its_last_day_and_keeps_those_away_too_whom_no_shift_binds() -> None:
    assert BOOK.off_duty("ana", at("2027-01-05T15:00")) == ("absent", at("2027-01-06T00:00"))
    assert BOOK.off_duty("ana", at("2026-12-19T18:59")) == (None, at("2026-12-19T19:00"))
    assert BOOK.working_time("ana").add(at("2026-12-19T18:50"), WAIT) == at("2027-01-06T10:05")
    assert BOOK.off_duty("davi", at("2026-12-20T15:00")) == ("absent", at("2026-12-21T00:00"))
    assert BOOK.off_duty("davi", at("2026-12-21T03:00"))[0] is None


def test_people_who_work_alike_share_their_time() -> None:
    assert BOOK.working_time("eva") is BOOK.working_time("gil") is BOOK.company
    assert BOOK.working_time("bia") is not BOOK.company


@pytest.mark.parametrize(
    ("moment", "brokers", "until"),
    [
        ("2026-11-28T08:00", set(), "2026-11-28T09:00"),
        ("2026-11-28T09:00", {"ana", "bia"}, "2026-11-28T13:00"),
        ("2026-11-28T13:00", {"ana", "bia", "caio", "davi"}, "2026-11-28T14:00"),
        ("2026-11-28T18:59", {"caio", "davi"}, "2026-11-28T19:00"),
        ("2026-12-05T10:00", set(), "2026-12-05T20:00"),  # of its own date: not those of the week
        ("2026-12-06T00:59", {"gil"}, "2026-12-06T01:00"),
        ("2026-12-13T10:00", set(), "2026-12-19T09:00"),  # closed on that date
        ("2026-12-25T10:00", {"eva"}, "2026-12-25T12:00"),
    ],
)
def test_who_stands_at_a_stand(moment: str, brokers: set[str], until: str) -> None:
    assert BOOK.on_stand("jardim", at(moment)) == (frozenset(brokers), at(until))


def test_a_stand_has_a_clock_of_its_own() -> None:
    assert BOOK.on_stand("rio-negro", at("2026-12-12T10:00")) == (
        frozenset({"ana"}),
        at("2026-12-12T10:00", MANAUS),
    )
    with pytest.raises(KeyError):
        BOOK.on_stand("praia", at("2026-12-12T10:00"))

"""Contacts with clients: now, earlier, to come; and which of them is the first response."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from opv.actions import Acting, comment, contact
from opv.batch import Batch, Cause
from schemas.errors import Reject
from tests.opv.test_actions import do, everything
from tests.pipeline import HOUSE, NOW, Pipeline, Start, lead


def served(start: Start, hours: float = 0) -> tuple[Pipeline, UUID]:
    house = start(HOUSE)
    house.deliver("site", lead())
    house.run()
    house.clock.forward(hours=hours)
    return house, house.opvs()[0].id


def last(house: Pipeline, opv: UUID) -> tuple[dict[str, Any], dict[str, Any]]:
    seq = house.opvs()[0].history_seq
    contents = house.rows("history_contents", opportunity_id=opv, seq=seq)
    return house.history(opv)[-1][1], json.loads(contents[0].content) if contents else {}


def test_a_contact_that_was_earlier_is_the_first_response_of_then(start: Start) -> None:
    house, opv = served(start, hours=5)
    do(house, "ana", opv, lambda at: contact(at, "call", outcome="não atendeu"))
    assert house.opvs()[0].first_contact_at == house.clock()
    assert last(house, opv) == ({"contact": "call", "first": True}, {"outcome": "não atendeu"})
    earlier = NOW + timedelta(hours=1)
    do(house, "ana", opv, lambda at: contact(at, "whatsapp", when=earlier, text="Olá"))
    assert house.opvs()[0].first_contact_at == earlier
    assert last(house, opv)[0] == {
        "contact": "whatsapp", "first": True, "at": "2026-09-21T13:00:00.000000+00:00",
    }  # fmt: skip
    do(house, "ana", opv, lambda at: contact(at, "email", when=NOW + timedelta(hours=2)))
    assert house.opvs()[0].first_contact_at == earlier
    do(house, "ana", opv, lambda at: contact(at, "call", when=NOW - timedelta(days=30)))
    assert house.opvs()[0].first_contact_at == NOW  # no response is older than the OPV


def test_a_visit_may_be_to_come(start: Start) -> None:
    house, opv = served(start, hours=1)
    at_ = NOW + timedelta(days=2)
    do(house, "ana", opv, lambda at: contact(at, "visit", place="estande", when=at_))
    assert last(house, opv) == (
        {"contact": "visit", "first": True, "at": "2026-09-23T12:00:00.000000+00:00", "scheduled": True},
        {"place": "estande"},
    )
    assert house.opvs()[0].first_contact_at == house.clock()  # when it was agreed on
    do(house, "ana", opv, lambda at: contact(at, "visit", place="estande", outcome="gostou", when=NOW))
    assert "scheduled" not in last(house, opv)[0]


def test_contacts_refused(start: Start) -> None:
    house, opv = served(start)
    soon = NOW + timedelta(minutes=2)
    before = everything(house)
    for kind, said, reason in (
        ("call", {"when": soon}, "contact_in_future"),
        ("visit", {"when": soon, "outcome": "gostou"}, "outcome_too_early"),
        ("email", {"place": "estande"}, "place_without_visit"),
    ):
        with pytest.raises(Reject) as refused:
            do(house, "ana", opv, lambda at, kind=kind, said=said: contact(at, kind, **said))  # type: ignore[misc] # the loop's value, bound now
        assert (refused.value.reason, everything(house) == before) == (reason, True)


def test_a_clock_that_is_a_little_ahead_tells_no_future(start: Start) -> None:
    house, opv = served(start)
    do(house, "ana", opv, lambda at: contact(at, "call", when=NOW + timedelta(seconds=30)))
    assert house.opvs()[0].first_contact_at == NOW


def test_people_respond_and_automations_do_not(start: Start) -> None:
    house, opv = served(start)

    def automated(at: Acting) -> None:
        """The same OPV in the hands of an automation."""
        robot = Acting(at.tx, at.batch, at.opv, Cause("automation:greet", 1, ("greet",)))
        assert isinstance(robot.batch, Batch)
        comment(robot, "Bem-vindo")
        contact(robot, "whatsapp", text="Bem-vindo")

    do(house, "ana", opv, automated)
    assert house.opvs()[0].first_contact_at is None
    assert last(house, opv)[0]["first"] is False
    do(house, "paula", opv, lambda at: contact(at, "call"))
    assert house.opvs()[0].first_contact_at == NOW


def test_a_visit_that_was_missed_is_no_contact(start: Start) -> None:
    house, opv = served(start, hours=1)
    do(house, "ana", opv, lambda at: contact(at, "visit", place="estande", when=NOW, missed=True, text="Sem aviso"))
    assert last(house, opv) == (
        {"contact": "visit", "first": False, "missed": True, "at": "2026-09-21T12:00:00.000000+00:00"},
        {"place": "estande", "text": "Sem aviso"},
    )
    assert house.opvs()[0].first_contact_at is None
    do(house, "ana", opv, lambda at: contact(at, "visit"))
    assert last(house, opv)[0] == {"contact": "visit", "first": True}

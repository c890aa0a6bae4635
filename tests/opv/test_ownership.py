"""A client typed by hand whom another broker serves: refused, or asked for, as the configuration says."""

from __future__ import annotations

import json
from uuid import UUID

from opv.actions import transfer
from opv.by_people import Done
from schemas.lead import SentPhone
from tests.opv.conversion import PRESALES_HOUSE, do, enter, everything, refused, served
from tests.opv.test_transfer_requests import listed, reply, states
from tests.pipeline import TABLES, Pipeline, Start, details

ASKING = PRESALES_HOUSE + "registration: {served: request}\n"
UNTOUCHED = tuple(
    name for name in TABLES if name not in ("transfer_requests", "history_entries", "history_contents", "opportunities")
)


def asked(house: Pipeline, person: str, opv: UUID, broker: str | None = None) -> UUID:
    """The person types the OPV's client; gives the request that comes of it."""
    done = enter(house, person, broker, emails=["outro@example.com"], message="é meu cliente")
    assert isinstance(done, Done)
    assert done.opv == opv
    assert done.request is not None
    return done.request


def test_without_the_setting_it_is_refused(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    served(house)
    refused(house, "already_served", lambda: enter(house, "caio"))


def test_what_was_typed_is_kept_with_the_request_and_nowhere_else(start: Start) -> None:
    house = start(ASKING)
    opv = served(house)
    before = everything(house)
    request = asked(house, "caio", opv)
    after = everything(house)
    assert [name for name in UNTOUCHED if after[name] != before[name]] == []
    assert house.history(opv)[-1] == ("ownership.requested", {"request": str(request), "broker": "caio"})
    (row,) = house.rows("transfer_requests")
    assert (row.kind, row.asked_by, row.broker, row.opportunity_id) == ("ownership", "caio", "caio", opv)
    typed = {"name": "Bruno Exemplo 1", "phones": ["(11) 980000001"], "emails": ["outro@example.com"],
             "message": "é meu cliente"}  # fmt: skip
    assert json.loads(house.rows("history_contents", opportunity_id=opv)[-1].content) == {"typed": typed}
    refused(house, "request_open", lambda: enter(house, "caio"))

    (mine,) = listed(house, "caio")
    assert (mine.id, mine.kind, mine.state, mine.typed) == (request, "ownership", "open", typed)
    assert (mine.opv, mine.number, mine.may_refuse) == (None, None, False), "who asks does not see the OPV"
    (paulas,) = listed(house, "paula")
    assert (paulas.opv, paulas.typed, paulas.may_grant, paulas.may_refuse) == (opv, typed, False, True)
    assert listed(house, "rui")[0].may_grant


def test_granted_the_opv_goes_over_and_the_lead_becomes_a_card(start: Start) -> None:
    house = start(ASKING)
    opv = served(house)
    request = asked(house, "caio", opv)
    house.clock.forward(minutes=5)
    refused(house, "not_allowed", lambda: reply(house, "caio", request, grant=True))
    refused(house, "not_allowed", lambda: reply(house, "paula", request, grant=True))
    reply(house, "rui", request, grant=True, reason="é dele")
    (row,) = house.opvs()
    assert (row.broker, row.manager, row.team) == ("caio", "marta", "norte")
    assert house.kinds(opv)[-4:] == ["ownership.requested", "transfer.answered", "opv.assigned", "opv.captured"]
    assert house.rows("history_entries", opportunity_id=opv)[-1].actor == "person:caio"
    card = house.captures(opv)[-1]
    assert (card.source, card.is_returning, card.client_id) == ("manual", True, row.client_id)
    assert details(card)["by"] == "caio"
    assert details(card)["typed"]["emails"] == ["outro@example.com"]
    (client,) = house.rows("clients")
    assert json.loads(client.emails) == ["pessoa1@example.com", "outro@example.com"]
    assert len(house.rows("involved_clients")) == 1
    assert states(house) == ["granted"]
    (item,) = listed(house, "caio")
    assert (item.opv, item.number, item.answer) == (opv, row.number, "é dele")


def test_refused_it_leaves_no_trace_but_the_history(start: Start) -> None:
    house = start(ASKING)
    opv = served(house)
    request = asked(house, "caio", opv)
    reply(house, "paula", request, grant=False)
    assert (house.opvs()[0].broker, states(house), len(house.captures())) == ("ana", ["refused"], 1)
    assert json.loads(house.rows("clients")[0].emails) == ["pessoa1@example.com"]


def test_a_manager_asks_for_a_broker_it_names(start: Start) -> None:
    house = start(ASKING)
    opv = served(house)
    refused(house, "already_served", lambda: enter(house, "marta"))
    refused(house, "already_served", lambda: enter(house, "pedro"))
    assert asked(house, "marta", opv, broker="caio")


def test_a_request_of_what_was_erased_transfers_alone(start: Start) -> None:
    house = start(ASKING)
    opv = served(house)
    request = asked(house, "caio", opv)
    (row,) = house.rows("transfer_requests")
    house.set(
        "history_contents", {"content": None, "salt": None, "erased_at": house.clock()}, opportunity_id=opv, seq=row.seq
    )
    reply(house, "rui", request, grant=True)
    assert (house.opvs()[0].broker, len(house.captures())) == ("caio", 1)
    assert listed(house, "rui")[0].typed is None


def test_contacts_that_are_another_clients_by_now_bring_that_client_along(start: Start) -> None:
    house = start(ASKING)
    opv = served(house)
    request = asked(house, "caio", opv)
    other = served(house, number=2)
    (mine, others) = [row.client_id for row in house.opvs()]
    house.set("contact_keys", {"client_id": others}, client_id=mine)
    reply(house, "rui", request, grant=True)
    assert house.captures(opv)[-1].client_id == others
    involved = {(row.opportunity_id, row.client_id) for row in house.rows("involved_clients")}
    assert involved == {(opv, mine), (opv, others), (other, others)}


def test_an_ownership_is_void_when_the_opv_is_given_away(start: Start) -> None:
    house = start(ASKING)
    opv = served(house)
    request = asked(house, "caio", opv)
    do(house, "paula", opv, lambda at: transfer(at, "x", broker="bia"))
    refused(house, "request_void", lambda: reply(house, "rui", request, grant=True))


def test_who_waits_for_a_broker_is_not_asked_for(start: Start) -> None:
    house = start(ASKING)
    enter(house, "rui")
    refused(house, "already_waiting", lambda: enter(house, "ana"))
    refused(house, "no_contact", lambda: enter(house, "ana", phones=[SentPhone(value="nada")]))

"""Stages told to the platforms that leads come from: which entries, of which OPVs, and one effect each, whatever the
platform does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.targets.meta_conversions import MetaConversions
from adapters.targets.rd_station import RdStation
from adapters.targets.testing import Receiver, Step, serving
from opv.access import viewer_of
from opv.actions import move_stage, reopen, withdraw
from opv.data_subject.erasure import erase
from opv.dead_letters import replay_message
from opv.destinations import FAILURES
from opv.retry import JITTER, SCHEDULE
from opv.undo import undo_move
from schemas.data_subject import ErasureBody
from schemas.errors import Reject
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, NOW, NoNetwork, Pipeline, Start, counted, lead

UUID_THERE = "5408c5a3-4711-4f2e-8d0b-13407a3e30f3"
LEAD_ID = "1203344556677889"
TOKEN = b'{"access_token": "um-token", "expires_in": 86400}'
STAGES = {
    "rd": "{new: Lead, contacted: Qualified Lead, visit: Opportunity, won: Client, lost: Lead}",
    "meta": "{new: Novo lead, contacted: Em atendimento, visit: Visita, won: Venda, lost: Perdido}",
}


class Platforms:
    """RD Station and Meta on this machine."""

    def __init__(self, serve: ExitStack) -> None:
        aside = {"/auth/token": TOKEN}
        self.rd = serve.enter_context(serving(Receiver("idempotency-key", aside=aside)))
        self.meta = serve.enter_context(serving(Receiver("", key_of=_event_id)))

    def __getitem__(self, key: str) -> Receiver:
        return {"rd": self.rd, "meta": self.meta}[key]


def _event_id(asked: Any) -> str:
    return str(json.loads(asked.body)["data"][0]["event_id"])


@pytest.fixture
def platforms() -> Iterator[Platforms]:
    with ExitStack() as serve:
        yield Platforms(serve)


def started(start: Start, platforms: Platforms, *listening: str, private: str = "true", more: str = "") -> Pipeline:
    """A house with the targets `listening` (both, if none is named)."""
    trying = f"allow_http: true, allow_private: {private}"
    app = 'client_id: app, client_secret: "${S}", refresh_token: "${S}"'
    own = {
        "rd": f"target: rd_station, options: {{{trying}, {app}",
        "meta": f'target: meta_conversions, options: {{{trying}, dataset: "1234567890", access_token: "${{S}}"{more}',
    }
    lines = [
        f'  - {{key: {key}, {own[key]}, api_url: "{platforms[key].url}", stages: {STAGES[key]}}}}}\n'
        for key in listening or ("rd", "meta")
    ]
    channel = '  - {key: rd, source: rd_station, secrets: ["${S}"]}\nfunnel:'
    text = HOUSE.replace("funnel:", channel) + "withdrawal_reasons: [{key: price, name: Preço}]\n"

    def now() -> datetime:
        return house.clock()

    made = (RdStation(NoNetwork(), now, seconds=1.0), MetaConversions(NoNetwork(), now, seconds=1.0))
    house = start(text + "targets:\n" + "".join(lines), targets={one.slug: one for one in made})
    return house


def from_rd(house: Pipeline, number: int = 1) -> UUID:
    """An OPV of a lead of RD Station's."""
    content = {"identificador": "lp", "nome": "Rita Exemplo", "telefone": f"(11) 9{80000000 + number}"}
    last = {"content": content, "created_at": "2026-09-21T08:59:00-03:00"}
    person = {"uuid": UUID_THERE, "email": f"rita{number}@example.com", "last_conversion": last}
    house.deliver("rd", {"leads": [person]})
    house.run("ingest", "distribution")
    return UUID(str(house.opvs()[-1].id))


def from_meta(house: Pipeline) -> UUID:
    """An OPV whose card says that Meta brought it."""
    house.deliver("site", lead())
    house.run("ingest", "distribution")
    opv = house.opvs()[-1].id
    house.set("capture_origins", {"source": "meta_lead_ads", "external_id": LEAD_ID}, opportunity_id=opv)
    return UUID(str(opv))


def move(house: Pipeline, opv: UUID, stage: str) -> set[str]:
    return do(house, "rui", opv, lambda at: move_stage(at, stage))


def messages(house: Pipeline) -> list[Any]:
    return house.rows("outbound_messages", kind="stage")


def said(receiver: Receiver) -> list[Any]:
    return [json.loads(asked.body) for asked in receiver.asked]


def test_rd_station_is_told_where_the_contact_stands(start: Start, platforms: Platforms) -> None:
    house = started(start, platforms)
    opv = from_rd(house)
    (row,) = messages(house)
    assert (row.target, row.recipient, row.idempotency_key) == ("rd", "rd", f"rd:{opv}:1")
    assert json.loads(row.body) == {"opv": str(opv), "seq": 1}, "ids alone"
    house.run("outbound")
    assert move(house, opv, "visit") == {"outbound"}
    house.run("outbound")
    do(house, "rui", opv, lambda at: withdraw(at, "price"))
    house.run("outbound")
    do(house, "rui", opv, reopen)
    house.run("outbound")
    assert said(platforms.rd) == [
        {"lifecycle_stage": "Lead", "opportunity": False}, {"lifecycle_stage": "Qualified Lead", "opportunity": True},
        {"lifecycle_stage": "Lead", "opportunity": False}, {"lifecycle_stage": "Qualified Lead", "opportunity": True},
    ]  # fmt: skip
    assert {one.path for one in platforms.rd.asked} == {f"/platform/contacts/uuid:{UUID_THERE}/funnels/default"}
    assert {one.headers["authorization"] for one in platforms.rd.asked} == {"Bearer um-token"}
    assert {row.state for row in messages(house)} == {"sent"}
    assert platforms.meta.asked == [], "its newest lead is none of Meta's"


def test_an_older_word_is_not_sent_after_a_newer_one(start: Start, platforms: Platforms) -> None:
    house = started(start, platforms)
    platforms.rd.plan = [Step(503)]
    opv = from_rd(house)
    assert messages(house)[0].failures == 1
    move(house, opv, "contacted")
    house.clock.forward(hours=1)
    house.run("outbound")
    assert said(platforms.rd)[1:] == [{"lifecycle_stage": "Qualified Lead", "opportunity": False}]
    assert {row.state for row in messages(house)} == {"sent"}


def test_meta_is_told_of_each_step_of_its_lead(start: Start, platforms: Platforms) -> None:
    house = started(start, platforms)
    opv = from_meta(house)
    for stage in ("contacted", "visit"):
        house.clock.forward(minutes=1)
        move(house, opv, stage)
    house.run("outbound")
    events = sorted((one["data"][0] for one in said(platforms.meta)), key=lambda event: event["event_time"])
    minute = int(NOW.timestamp())
    assert events[0] == {
        "event_name": "Em atendimento", "event_time": minute + 60, "event_id": messages(house)[0].idempotency_key,
        "action_source": "system_generated", "user_data": {"lead_id": int(LEAD_ID)},
        "custom_data": {"event_source": "crm", "lead_event_source": "Porteiro"},
    }  # fmt: skip
    assert (events[1]["event_name"], events[1]["event_time"]) == ("Visita", minute + 120)
    assert platforms.rd.asked == []


def test_what_of_the_client_goes_along_is_hashed(start_on_sqlite: Start, platforms: Platforms) -> None:
    house = started(start_on_sqlite, platforms, "meta", more=", match: [email, phone]")
    move(house, from_meta(house), "visit")
    house.run("outbound")
    person = said(platforms.meta)[0]["data"][0]["user_data"]
    assert [len(person[name][0]) for name in ("em", "ph")] == [64, 64]
    assert b"example.com" not in platforms.meta.asked[0].body


def test_a_move_taken_back_is_told_as_well(start_on_sqlite: Start, platforms: Platforms) -> None:
    house = started(start_on_sqlite, platforms, "rd")
    opv = from_rd(house)
    move(house, opv, "visit")
    do(house, "rui", opv, undo_move)
    house.run("outbound")
    assert said(platforms.rd) == [{"lifecycle_stage": "Lead", "opportunity": False}] * 2, "when it came, and now"
    assert {row.state for row in messages(house)} == {"sent"}


def test_only_of_whose_newest_lead_it_is(start_on_sqlite: Start, platforms: Platforms) -> None:
    house = started(start_on_sqlite, platforms)
    opv = from_rd(house)
    house.deliver("site", lead(telefone="(11) 980000001", email="rita1@example.com", nome="Rita Exemplo"))
    house.run("ingest")
    assert [row.source for row in house.captures(opv)] == ["rd_station", "form"]
    move(house, opv, "visit")
    assert [row.idempotency_key for row in messages(house)] == [f"rd:{opv}:1"]


def test_it_costs_one_statement_and_none_where_nobody_listens(start: Start, platforms: Platforms) -> None:
    house = started(start, platforms)
    opv = from_rd(house)
    with counted(house.database) as told:
        move(house, opv, "visit")
    house.apply(HOUSE)
    move(house, opv, "new")
    with counted(house.database) as alone:
        move(house, opv, "visit")
    assert len(told) == len(alone) + 2, "the sources of the OPVs, and the rows"


def test_of_an_erased_person_nothing_is_told(start: Start, platforms: Platforms) -> None:
    house = started(start, platforms)
    opv = from_meta(house)
    move(house, opv, "visit")
    (client,) = house.rows("clients", "id")
    house_ = house.house()
    viewer = viewer_of("rui", house_)
    assert viewer is not None
    body = ErasureBody(reason="A pedido, protocolo 7", force=True)
    erase(house.database, house_, viewer, house.clock, lambda _: None, client.id, body)
    move(house, opv, "contacted")
    house.run("outbound")
    assert {(row.state, row.reason) for row in messages(house)} == {("parked", "erased")}
    assert platforms.meta.asked == []
    with house.database.write() as tx, pytest.raises(Reject, match="were erased"):
        replay_message(tx, messages(house)[-1].id, house_, house.clock(), "rui")


@pytest.fixture(params=["rd", "meta"])
def told(request: pytest.FixtureRequest) -> str:
    """The target that a lead's platform listens at."""
    return str(request.param)


def queued(house: Pipeline, told: str) -> Any:
    """One message to the target."""
    opv = {"rd": from_rd, "meta": from_meta}[told](house)
    if told == "meta":
        move(house, opv, "visit")
    (row,) = messages(house)
    return row


def test_it_is_tried_until_it_is_taken_and_has_one_effect(start: Start, platforms: Platforms, told: str) -> None:
    receiver = platforms[told]
    receiver.plan = [
        Step(500), Step(429, {"Retry-After": "45"}), Step(how="hang"), Step(how="close"), Step(how="garbage"),
    ]  # fmt: skip
    house = started(start, platforms, told)
    key = queued(house, told).idempotency_key
    waits = (SCHEDULE[0], timedelta(seconds=45), *SCHEDULE[2:5])
    house.run("outbound")
    for failures, wait in enumerate(waits, 1):
        (row,) = messages(house)
        assert (row.state, row.failures) == ("pending", failures)
        assert (1 - JITTER) * wait <= row.due_at - house.clock() <= (1 + JITTER) * wait
        house.clock.now = row.due_at
        house.run("outbound")
    assert (messages(house)[0].state, len(receiver.asked), list(receiver.effects)) == ("sent", 6, [key])
    assert set(receiver.keys) == {key}


def test_who_does_not_answer_is_left_alone(start_on_sqlite: Start, platforms: Platforms, told: str) -> None:
    platforms[told].plan = [Step(503)] * FAILURES
    house = started(start_on_sqlite, platforms, told)
    queued(house, told)
    for _ in range(FAILURES):
        house.run("outbound")
        house.clock.now = messages(house)[0].due_at
    row = house.rows("destinations")[0]
    assert (row.key, row.failures, row.reason) == (told, FAILURES, "http_503")
    assert row.opened_at is not None


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Step(301, {"Location": "/"}), "redirected"), (Step(307, {"Location": "/"}), "redirected"),
        (Step(404), "http_404"), (Step(403), "not_authorized"),
    ],
)  # fmt: skip
def test_what_waits_for_a_person_is_asked_once_and_can_be_sent_again(
    start_on_sqlite: Start, platforms: Platforms, told: str, step: Step, reason: str
) -> None:
    receiver = platforms[told]
    receiver.plan = [step]
    house = started(start_on_sqlite, platforms, told)
    key = queued(house, told).idempotency_key
    house.run("outbound")
    house.clock.forward(days=3)
    house.run("outbound")
    (row,) = messages(house)
    assert (row.state, row.reason, len(receiver.asked), receiver.effects) == ("parked", reason, 1, {})
    with house.database.write() as tx:
        replay_message(tx, row.id, house.house(), house.clock(), "rui")
    house.run("outbound")
    assert (messages(house)[0].state, receiver.keys) == ("sent", [key, key])


def test_a_name_of_a_private_address_gets_nothing(start_on_sqlite: Start, platforms: Platforms, told: str) -> None:
    receiver = platforms[told]
    receiver.url = receiver.url.replace("127.0.0.1", "localhost")
    house = started(start_on_sqlite, platforms, told, private="false")
    queued(house, told)
    house.run("outbound")
    (row,) = messages(house)
    assert (row.state, row.reason, receiver.asked) == ("parked", "private_address", [])

"""People are told of OPVs at once, each what it may know; the stored row holds no personal data."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from opv import history
from opv.access import Viewer
from opv.actions import transfer
from opv.by_people import act
from opv.distribution.acceptance import refuse
from opv.distribution.claims import claim
from schemas.notice import Notice
from schemas.target import Message
from tests.pipeline import HOUSE, Pipeline, Start, lead

TOLD = """
targets: [{key: mail, target: conecta, options: {api_url: "https://conecta.example.com", token: "${S}"}}]
notices:
  {assigned: [mail], offered: [mail], returned: [mail], address: "https://leads.example.com/", secret: "${LINK_SECRET}"}
"""
PEOPLE = HOUSE.replace(
    "{key: ana, name: Ana Corretora, role: broker}",
    '{key: ana, name: Ana Corretora, role: broker, email: ana@example.com, phone: "+55 11 99999-0001", '
    "timezone: America/Manaus}",
)
ACCEPTING = PEOPLE.replace("{teams: [sul]}", "{teams: [sul], accept: {within: 10 minutes}}") + TOLD
OFFERED = PEOPLE.replace("{teams: [sul]}", "{teams: [sul], strategy: first_to_claim, offer: {otherwise: alert}}") + TOLD


class Post:
    """A target that keeps what it is sent."""

    slug: ClassVar[str] = "conecta"

    def __init__(self) -> None:
        self.got: list[Message] = []

    def send(self, message: Message) -> None:
        self.got.append(message)

    def notices(self, of: str) -> dict[str, Notice]:
        """What was told of the occurrence, by person."""
        read = [Notice.model_validate_json(message.body) for message in self.got]
        return {notice.person: notice for notice in read if notice.kind == of}


def started(start: Start, configuration: str, *, send: bool = True) -> tuple[Pipeline, Post]:
    """A house to which one lead came."""
    post = Post()
    house = start(configuration, targets={post.slug: post})
    house.deliver("site", lead(empreendimento="Residencial Jardim"))
    if send:
        house.run()
    else:
        house.round("ingest")
        house.round("distribution")
    return house, post


def does(house: Pipeline, person: str, role: str, deed: Any, **how: Any) -> None:
    with house.database.write() as tx:
        house.woken += act(tx, house.house(), Viewer(person, role), house.clock(), "1", deed, **how).woken


def messages(house: Pipeline) -> list[tuple[str, str, str | None]]:
    return sorted((row.recipient, row.state, row.reason) for row in house.rows("outbound_messages"))


def test_the_broker_is_told_with_the_client_and_a_link(start: Start) -> None:
    house, post = started(start, ACCEPTING)
    told = post.notices(history.ASSIGNED)["ana"]
    assert (told.name, told.email, told.phone) == ("Ana Corretora", "ana@example.com", "+5511999990001")
    assert (told.opv, told.opv_id, told.at) == (1, house.opvs()[0].id, house.clock())
    assert "aceite até 21/09 às 08:10" in told.subject, "ten minutes later, by the clocks of Manaus"
    assert "Bruno Exemplo 1" in told.text
    assert "+5511980000001" in told.text
    assert told.url is not None
    assert told.url.startswith("https://leads.example.com/accept/")
    assert told.url in told.text
    (row,) = house.rows("outbound_messages")
    assert set(json.loads(row.body)) == {"of", "occasion", "accept_until"}


def test_an_offer_is_told_to_all_without_the_client(start: Start) -> None:
    house, post = started(start, OFFERED)
    told = post.notices(history.OFFERED)
    assert set(told) == {"ana", "bia"}
    for notice in told.values():
        assert "Bruno" not in notice.model_dump_json()
        assert "980000001" not in notice.model_dump_json()
        assert notice.url is not None
        assert "/claim/" in notice.url
    house.clock.forward(minutes=10)
    house.run()
    assert set(post.notices(history.UNDISTRIBUTED)) == {"paula"}


def test_a_return_is_told_to_who_let_it_go_and_to_the_manager(start: Start) -> None:
    house, post = started(start, ACCEPTING)
    house.clock.forward(minutes=10)
    house.run()
    told = post.notices(history.RETURNED)
    assert set(told) == {"ana", "paula"}
    assert "voltou de Ana Corretora: o prazo para aceitar terminou." in told["paula"].text
    assert "vai para o próximo corretor" in told["ana"].text
    assert "bia" in post.notices(history.ASSIGNED)
    does(house, "bia", "broker", refuse, accepts=False)
    house.run()
    assert "o corretor recusou" in post.notices(history.RETURNED)["paula"].text


def test_a_manager_is_told_of_an_opv_without_broker(start_on_sqlite: Start) -> None:
    text = ACCEPTING.replace("within: 10 minutes", "within: 10 minutes, otherwise: manager")
    house, post = started(start_on_sqlite, text)
    house.clock.forward(minutes=10)
    house.run()
    told = post.notices(history.ASSIGNED)["paula"]
    assert "sem corretor" in told.text
    assert (told.url, "Bruno Exemplo 1" in told.text) == (None, True)


def test_who_has_it_no_more_is_not_told_of_the_client(start: Start) -> None:
    house, post = started(start, ACCEPTING, send=False)
    does(house, "rui", "director", lambda at: transfer(at, "férias", broker="bia"))
    house.run("outbound")
    assert messages(house) == [("ana", "parked", "not_linked"), ("bia", "sent", None)]
    assert set(post.notices(history.ASSIGNED)) == {"bia"}


def test_who_left_is_told_nothing_and_a_taken_offer_is_none(start_on_sqlite: Start) -> None:
    house, post = started(start_on_sqlite, OFFERED, send=False)
    house.apply(OFFERED.replace("{key: ana, ", "{key: ana, active: false, "))
    with house.database.write() as tx:
        claim(tx, house.house(), Viewer("bia", "broker"), house.clock(), "1")
    house.run("outbound")
    assert messages(house) == [
        ("ana", "parked", "person_inactive"), ("bia", "parked", "not_offered"), ("bia", "sent", None),
    ]  # fmt: skip
    assert set(post.notices(history.ASSIGNED)) == {"bia"}


def test_pre_sales_are_told_of_their_part(start_on_sqlite: Start) -> None:
    text = PEOPLE.replace("teams: [{", "  - {key: pri, name: Pri, role: presales}\nteams: [{", 1)
    text = text.replace("brokers: [ana, bia]", "brokers: [ana, bia, pri]").replace(
        "rules: [{", "rules: [{part: presales, "
    )
    text = text.replace("stages: [{", "stages: [{key: qualify, name: Qualificar, kind: presales}, {")
    _, post = started(start_on_sqlite, text + TOLD)
    assert "Bruno Exemplo 1" in post.notices(history.ASSIGNED)["pri"].text


def test_without_an_address_there_are_no_links(start_on_sqlite: Start) -> None:
    text = ACCEPTING.replace(', address: "https://leads.example.com/", secret: "${LINK_SECRET}"', "")
    _, post = started(start_on_sqlite, text)
    assert post.notices(history.ASSIGNED)["ana"].url is None


def test_who_does_not_see_the_stage_is_not_told_whose_opv_it_is(start_on_sqlite: Start) -> None:
    text = PEOPLE.replace("{key: new, name: Novo}", "{key: new, name: Novo, see: [manager]}")
    house, post = started(start_on_sqlite, text + TOLD)
    assert not post.got
    assert [row.reason for row in house.rows("outbound_messages")] == ["not_linked"]

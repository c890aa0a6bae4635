"""The WhatsApp shortcut: with whom, in which words, and what is left in the history."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from opv.access import viewer_of
from opv.whatsapp import conversation, greeting, note_opened
from schemas.client import ClientDetails, ContactPreferences
from schemas.errors import Park, PorteiroError, Reject, Retry
from schemas.target import Answer, Message, Refused
from tests.opv.test_actions import do, everything
from tests.pipeline import HOUSE, Pipeline, Start, lead

CONECTA = """
whatsapp: {target: conecta}
targets: [{key: conecta, target: conecta, options: {api_url: "http://conecta.example/api", token: "${S}"}}]
"""


class Conecta:
    """Answers as it is told, and keeps what it was sent."""

    slug: ClassVar[str] = "conecta"

    def __init__(self, answer: Answer | PorteiroError | None) -> None:
        self.answer = answer
        self.got: list[Message] = []

    def send(self, message: Message) -> Answer | None:
        self.got.append(message)
        if isinstance(self.answer, PorteiroError):
            raise self.answer
        return self.answer


def served(start: Start, more: str = "", **fields: Any) -> tuple[Pipeline, UUID]:
    house = start(HOUSE + more)
    house.deliver("site", lead(**fields))
    house.run()
    return house, house.opvs()[0].id


def open_it(house: Pipeline, opv: UUID, target: Conecta | None = None, person: str = "ana", **body: Any) -> str:
    viewer = viewer_of(person, house.house())
    assert viewer is not None
    with house.database.read() as tx:
        wanted = conversation(tx, house.house(), viewer, str(opv), body.get("client"), body.get("text"))
    url = wanted.open({target.slug: target} if target else {})
    do(house, person, opv, lambda at: note_opened(at, wanted))
    return url


def test_the_link_holds_the_greeting_escaped_and_the_history_says_so(start: Start) -> None:
    house, opv = served(
        start, 'whatsapp: {greeting: "Olá, {client}! É {broker} & {company} #{opv}?"}\n', nome="Zoë D'Ávila"
    )
    url = open_it(house, opv)
    assert url == (
        "https://wa.me/5511980000001?text=Ol%C3%A1%2C%20Zo%C3%AB%20D%27%C3%81vila%21%20"
        "%C3%89%20Ana%20Corretora%20%26%20Porteiro%20%231%3F"
    )
    kind, data = house.history(opv)[-1]
    client = house.opvs()[0].client_id
    assert (kind, data) == ("whatsapp.opened", {"client": str(client), "by": "wa.me"})
    content = json.loads(house.rows("history_contents", opportunity_id=opv)[-1].content)
    assert content == {"phone": "+5511980000001", "text": "Olá, Zoë D'Ávila! É Ana Corretora & Porteiro #1?"}
    assert house.opvs()[0].first_contact_at is None


def test_whatsapp_web_and_words_of_ones_own(start_on_sqlite: Start) -> None:
    house, opv = served(start_on_sqlite, "whatsapp: {address: web}\n")
    url = urlsplit(open_it(house, opv, person="paula", text="Posso ligar às 10h? {client}"))
    assert (url.hostname, url.path) == ("web.whatsapp.com", "/send")
    assert parse_qs(url.query) == {"phone": ["5511980000001"], "text": ["Posso ligar às 10h? {client}"]}


DEFAULT = "Olá, {client}! Aqui é {broker}, da {company}."
KNOWN = {"client": "Rita", "broker": "Ana", "company": "Casa", "development": "Jardim", "opv": "7"}


@pytest.mark.parametrize(
    ("template", "unknown", "said"),
    [
        (DEFAULT, (), "Olá, Rita! Aqui é Ana, da Casa."),
        (DEFAULT, ("client",), "Olá! Aqui é Ana, da Casa."),
        (DEFAULT, ("company",), "Olá, Rita! Aqui é Ana."),
        (DEFAULT, ("client", "broker", "company"), "Olá!"),
        ("Olá {client}, tudo bem?", ("client",), "Tudo bem?"),
        ("oi, {client}, tudo bem?", ("client",), "oi, tudo bem?"),
        ("Oi! Vi seu interesse no {development}. Podemos falar?", ("development",), "Oi! Podemos falar?"),
        ("Oi, {client}\nSobre {development}: OPV {opv}", ("development",), "Oi, Rita\nOPV 7"),
        ("{client}", ("client",), ""),
        ("Sem nada", (), "Sem nada"),
    ],
)
def test_what_is_not_known_is_left_out_of_the_greeting(template: str, unknown: tuple[str, ...], said: str) -> None:
    values = {name: None if name in unknown else value for name, value in KNOWN.items()}
    assert greeting(template, values) == said


def test_the_first_mobile_is_written_to_and_the_name_is_the_wanted_one(start_on_sqlite: Start) -> None:
    house, opv = served(start_on_sqlite)
    details = ClientDetails(social_name="Bru")
    phones = json.dumps(["+551133334444", "+351912345678", "+5511980000001"])
    house.set("clients", {"phones": phones, "details": details.stored()}, id=house.opvs()[0].client_id)
    assert open_it(house, opv).startswith("https://wa.me/351912345678?text=Ol%C3%A1%2C%20Bru%21")


def refused(house: Pipeline, opv: UUID, target: Conecta | None = None, person: str = "ana", **body: Any) -> Reject:
    before = everything(house)
    with pytest.raises(Reject) as raised:
        open_it(house, opv, target, person, **body)
    assert everything(house) == before
    return raised.value


def test_refusals_name_the_rule_and_change_nothing(start: Start) -> None:
    house, opv = served(start)
    client = house.opvs()[0].client_id
    assert refused(house, opv, person="bia").reason == "unknown_opv"
    assert refused(house, opv, client=UUID(int=1)).reason == "unknown_client"
    unwanted = ClientDetails(preferences=ContactPreferences(unwanted=["whatsapp"]))
    house.set("clients", {"details": unwanted.stored()}, id=client)
    assert refused(house, opv, client=client).reason == "whatsapp_unwanted"
    for phones in ("[]", '["+551133334444"]'):
        house.set("clients", {"phones": phones}, id=client)
        assert refused(house, opv).reason == "no_phone"


def test_conecta_opens_the_conversation_with_a_key_that_lasts(start: Start) -> None:
    house, opv = served(start, CONECTA)
    down = Conecta(Retry("no_answer", "it did not answer"))
    failed = refused(house, opv, down)
    assert (failed.reason, failed.status) == ("conecta_failed", 502)
    up = Conecta(Answer(url="https://conecta.example/c/1"))
    assert open_it(house, opv, up) == "https://conecta.example/c/1"
    (before,), (sent,) = down.got, up.got
    assert before.idempotency_key == sent.idempotency_key
    body = json.loads(sent.body)
    assert (body["phone"], body["person"], body["opv"]) == ("+5511980000001", "ana", 1)
    assert body["text"].startswith("Olá, Bruno Exemplo 1!")
    assert house.history(opv)[-1][1] == {"client": body["client"], "by": "conecta", "target": "conecta"}
    open_it(house, opv, up)
    assert up.got[1].idempotency_key != sent.idempotency_key, "another conversation of another moment"


@pytest.mark.parametrize(
    "answer", [None, Answer(), Refused("conversation_refused", "no", "fora do horário de Bruno"), Park("no_url", "?")]
)
def test_a_conecta_that_opens_nothing_is_no_link(start_on_sqlite: Start, answer: Answer | PorteiroError | None) -> None:
    house, opv = served(start_on_sqlite, CONECTA)
    failed = refused(house, opv, Conecta(answer))
    assert (failed.reason, "Bruno" in failed.detail) == ("conecta_failed", False)
    assert refused(house, opv, None).reason == "conecta_failed"

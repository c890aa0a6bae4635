"""The automations of `examples/`: each can be put into a house, and does over days what its first lines say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest

from adapters.sources.registry import sources
from adapters.targets.log import LogTarget
from opv.actions import contact, move_stage, reopen, withdraw
from porteiro.configuration.document import read_document
from porteiro.configuration.load import load
from schemas.client_message import ClientMessage
from schemas.target import Message
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, AnySecret, Pipeline, Start, lead

FOLDER = Path(__file__).parents[2] / "examples"

ALSO: dict[str, list[dict[str, Any]]] = {
    "targets": [
        {
            "key": "mail",
            "target": "smtp",
            "options": {"host": "localhost", "security": "none", "from": "casa@imobiliaria.example"},
        },
        {"key": "conecta", "target": "conecta", "options": {"api_url": "https://conecta.example.com", "token": "${T}"}},
    ],
    "withdrawal_reasons": [{"key": "price", "name": "Preço"}],
}
"""What the examples take for granted, besides a stage `proposal`."""


def house_with(example: str) -> str:
    """The configuration of the tests' house with the example pasted into it."""
    whole = read_document(HOUSE)[0].plain()
    whole["funnel"]["stages"].append({"key": "proposal", "name": "Proposta"})
    for part in (ALSO, read_document((FOLDER / f"{example}.yaml").read_text(encoding="utf-8"))[0].plain()):
        for section, items in part.items():
            whole[section] = [*whole.get(section, []), *items]
    return json.dumps(whole)


@dataclass
class Sent:
    """A target that keeps what it is given."""

    slug: ClassVar[str] = ""
    messages: list[ClientMessage] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.messages.append(ClientMessage.model_validate_json(message.body))


class Mail(Sent):
    slug: ClassVar[str] = "smtp"


class Conecta(Sent):
    slug: ClassVar[str] = "conecta"


class Told(LogTarget):
    """The log, which keeps whom notices were for."""

    def __init__(self) -> None:
        self.people: list[str] = []

    def send(self, message: Message) -> None:
        self.people.append(message.recipient)


@dataclass
class Outside:
    """Where a house sends to."""

    mail: Mail = field(default_factory=Mail)
    conecta: Conecta = field(default_factory=Conecta)
    told: Told = field(default_factory=Told)


Begin = Callable[..., tuple[Pipeline, Outside]]


@pytest.fixture
def begin(start_on_sqlite: Start) -> Begin:
    """A house with an example; `fields` are the first lead's, None: there is none yet."""

    def begun(example: str, **options: Any) -> tuple[Pipeline, Outside]:
        outside = Outside()
        targets = {one.slug: one for one in (outside.mail, outside.conecta, outside.told)}
        return start_on_sqlite(house_with(example), targets=targets, **options), outside

    return begun


def send(house: Pipeline, number: int = 1, **fields: Any) -> UUID:
    house.deliver("site", lead(number, **fields))
    house.run()
    opv: UUID = house.opvs()[-1].id
    return opv


def later(house: Pipeline, **span: float) -> None:
    house.clock.forward(**span)
    house.run()


def titles(house: Pipeline) -> list[str]:
    return [row.title for row in house.rows("pending_items")]


@pytest.mark.parametrize("example", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_an_example_is_right(example: str) -> None:
    read, problems = load(house_with(example), example, sources(), AnySecret())
    assert read is not None
    assert problems == []


def test_auto_reply(begin: Begin) -> None:
    house, outside = begin(
        "auto-reply", now=datetime(2026, 9, 22, 2, 30, tzinfo=UTC)
    )  # half past eleven in the evening
    send(house, empreendimento="Residencial Jardim")
    send(house, 2, telefone=None)
    (whatsapp,), (mail,) = outside.conecta.messages, outside.mail.messages
    assert (whatsapp.template, whatsapp.values) == ("boas_vindas", ["Bruno", "Residencial Jardim"])
    assert mail.subject == "Recebemos o seu contato"
    assert "Olá, Clara!" in (mail.text or "")
    send(house, id="again")
    assert len(outside.conecta.messages) == 1


def test_first_hour(begin: Begin) -> None:
    house, outside = begin("first-hour")
    slow, quick = send(house), send(house, 2)
    broker = house.opvs()[1].broker
    do(house, broker, quick, lambda at: contact(at, "call"))
    assert titles(house) == ["Mandar mensagem pessoal a Bruno", "Mandar mensagem pessoal a Clara"]
    later(house, minutes=3)
    assert outside.told.people == [house.opvs()[0].broker]
    later(house, minutes=57)
    assert titles(house)[2:] == ["Ligar para o cliente"]
    assert outside.told.people[1:] == [house.opvs()[0].broker, "paula"]
    results = {run.opportunity_id: run.result for run in house.runs()}
    assert results == {slow: "done", quick: "ended"}


def test_week_of_tries(begin: Begin) -> None:
    house, _ = begin("week-of-tries")
    silent, answered = send(house), send(house, 2)
    broker = house.opvs()[1].broker
    for _ in range(24 * 4):
        later(house, minutes=30)
    do(house, broker, answered, lambda at: contact(at, "call"))
    tries = house.rows("pending_items", opportunity_id=silent)
    times = sorted(row.created_at.astimezone(UTC).strftime("%a %H:%M") for row in tries)
    assert times == sorted(["Tue 12:00", "Tue 17:00", "Tue 21:30", "Wed 12:00"])
    for _ in range(24 * 7):
        later(house, hours=1)
    assert {row.id: row.status for row in house.opvs()} == {silent: "lost", answered: "open"}
    assert len(house.rows("pending_items", opportunity_id=answered)) == len(tries)
    (withdrawal,) = house.rows("withdrawals")
    assert withdrawal.reason == "no-contact"


def test_ten_minutes(begin: Begin) -> None:
    house, outside = begin("ten-minutes")
    house.apply(house_with("ten-minutes").replace('"teams": ["sul"]}}]}', '"brokers": ["ana"]}}]}').replace(
        '"name": "Ana Corretora", ', '"name": "Ana Corretora", "active": false, '
    ))  # fmt: skip
    send(house)
    assert house.opvs()[0].broker is None
    later(house, minutes=9)
    assert outside.told.people == []
    later(house, minutes=1)
    assert outside.told.people == ["rui"]


def test_gone_quiet(begin: Begin) -> None:
    house, outside = begin("gone-quiet")
    opv = send(house)
    before = house.opvs()[0].broker
    later(house, days=3)
    assert outside.told.people == [before, "paula"]
    later(house, days=1)
    assert house.opvs()[0].broker != before
    do(house, house.opvs()[0].broker, opv, lambda at: contact(at, "call"))
    later(house, days=2)
    assert len(outside.told.people) == 2


def test_visits(begin: Begin) -> None:
    house, outside = begin("visits")
    opv = send(house)
    broker, visit = house.opvs()[0].broker, house.clock() + timedelta(days=3)
    do(house, broker, opv, lambda at: contact(at, "visit", when=visit))
    later(house, days=2)
    (reminder,) = outside.conecta.messages
    assert (reminder.template, reminder.values) == ("lembrete_visita", ["Bruno", "24/09/2026", "09:00"])
    later(house, days=1, hours=2)
    assert titles(house) == ["Contar como foi a visita"]
    do(house, broker, opv, lambda at: contact(at, "visit", missed=True))
    house.run()
    assert titles(house) == ["Contar como foi a visita", "Remarcar a visita"]
    assert outside.told.people == ["paula"]


def test_comes_back(begin: Begin) -> None:
    house, outside = begin("comes-back")
    send(house)
    broker = house.opvs()[0].broker
    send(house, id="second")
    assert (outside.told.people, house.opvs()[0].tags) == ([broker], None)
    send(house, id="third")
    assert (outside.told.people, house.opvs()[0].tags) == ([broker, broker, "paula"], '["hot"]')


def test_nurture(begin: Begin) -> None:
    house, outside = begin("nurture")
    patient, regained = send(house), send(house, 2)
    for opv in (patient, regained):
        do(house, "rui", opv, lambda at: withdraw(at, "price"))
    house.run()
    assert outside.told.people == ["paula", "paula"]
    later(house, days=7)
    assert len(outside.mail.messages) == 2
    do(house, "rui", regained, reopen)
    for _ in range(20):
        later(house, days=7)
    assert len(outside.mail.messages) == 5
    assert {run.opportunity_id: run.result for run in house.runs()} == {patient: "done", regained: "ended"}


def test_stalled_proposal(begin: Begin) -> None:
    house, outside = begin("stalled-proposal")
    still, moving = send(house), send(house, 2)
    for opv in (still, moving):
        do(house, "rui", opv, lambda at: move_stage(at, "proposal"))
    later(house, days=7)
    assert [(row.owner, row.title) for row in house.rows("pending_items")] == [
        ("paula", "Rever a proposta parada"),
    ] * 2  # fmt: skip
    do(house, "rui", moving, lambda at: move_stage(at, "visit"))
    later(house, days=3)
    assert outside.told.people == ["rui"]

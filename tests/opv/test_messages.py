"""What automations say, from the lead to a real mail server and a real receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial
from typing import Any

import pytest

from adapters.http import RequestsClient
from adapters.targets.registry import targets
from adapters.targets.testing import Receiver, Step
from adapters.targets.testing import serving as serving_http
from opv import history
from opv.access import Viewer
from opv.actions import comment, contact, transfer
from opv.by_people import act
from opv.data_subject.consents import withdraw_consent
from opv.data_subject.erasure import erase
from opv.dead_letters import detail
from schemas.data_subject import ConsentWithdrawalBody, ErasureBody
from tests.adapters.targets.mail_server import MailServer, serving
from tests.pipeline import HOUSE, NOW, Pipeline, Start, counted, lead

PEOPLE = HOUSE.replace("name: Ana Corretora,", 'name: Ana Corretora, email: ana@example.com, phone: "+5511999990001",')
NIGHT = datetime(2026, 9, 21, 23, 30, tzinfo=UTC)
"""Half past eight in São Paulo."""


@dataclass
class Outside:
    """The systems that the house sends to."""

    mail: MailServer = field(default_factory=MailServer)
    panel: Receiver = field(default_factory=lambda: Receiver("webhook-id"))
    conecta: Receiver = field(default_factory=lambda: Receiver("idempotency-key", b"{}"))

    def mails(self) -> list[Any]:
        return [message_from_bytes(one, policy=default) for one in self.mail.mails]

    def posted(self) -> list[Any]:
        return [json.loads(one.body) for one in self.panel.asked]


@pytest.fixture
def outside() -> Iterator[Outside]:
    with ExitStack() as stack:
        outside = Outside()
        stack.enter_context(serving(outside.mail))
        stack.enter_context(serving_http(outside.panel))
        stack.enter_context(serving_http(outside.conecta))
        yield outside


def started(
    start: Start, outside: Outside, *automations: str, people: str = PEOPLE, more: str = "", now: datetime = NOW
) -> Pipeline:
    text = f"""{people}
targets:
  - key: email
    target: smtp
    options: {{host: localhost, port: {outside.mail.port}, security: none, from: casa@imobiliaria.example}}
  - key: painel
    target: webhook
    options: {{url: "{outside.panel.url}/x", secrets: ["${{S}}"], allow_http: true, allow_private: true}}
  - {{key: fala, target: conecta, options: {{api_url: "{outside.conecta.url}", token: "${{S}}"}}}}
company: {{name: Imobiliária Exemplo}}
messages: {{quiet_hours: {{}}}}
{more}
automations:
""" + "".join(f"  - {one}\n" for one in automations)  # fmt: skip

    def clock() -> datetime:
        return house.clock()

    house = start(text, targets=targets(RequestsClient(), clock), now=now)
    return house


def send(house: Pipeline, **fields: Any) -> None:
    house.deliver("site", lead(1, **fields))
    house.run()


def messages(house: Pipeline, kind: str = "client_message") -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in house.rows("outbound_messages", kind=kind)]


def steps(house: Pipeline) -> list[Any]:
    return [step for run in house.runs() for step in json.loads(run.steps)]


GREET = (
    "{key: greet, name: Boas-vindas, on: opv.captured_first, do: [{message: {via: email, quiet_hours: false, "
    'subject: "{{ client.first_name }}, recebemos seu contato", '
    "text: \"Olá, {{ client.first_name }}! Falamos do {{ development.name | default('empreendimento') }}.\"}}]}"
)


def test_a_client_is_answered_at_once(start: Start, outside: Outside) -> None:
    house = started(start, outside, GREET, now=NIGHT)
    send(house, empreendimento="Residencial Jardim")
    (mail,) = outside.mails()
    assert (mail["To"], mail["Subject"]) == ("Bruno Exemplo 1 <pessoa1@example.com>", "Bruno, recebemos seu contato")
    assert mail.get_content().strip() == "Olá, Bruno! Falamos do Residencial Jardim."
    (row,) = house.rows("outbound_messages")
    (opv,) = house.opvs()
    assert (row.state, row.recipient, row.created_at) == ("sent", str(opv.client_id), row.sent_at)
    assert row.idempotency_key == f"greet:{opv.id}:2:0:client"
    assert "{{ client.first_name }}" in row.body
    assert not any(word in row.body for word in ("Bruno", "pessoa1", "980000001"))
    told = {"target": "email", "client": str(opv.client_id), "automation": "greet"}
    assert (history.MESSAGE_QUEUED, told) in house.history(opv.id)
    assert opv.first_contact_at is None, "no person has had a contact yet"
    (run,) = house.runs()
    assert (run.result, "Bruno" in run.steps) == ("done", False)


def test_in_quiet_hours_it_waits_and_a_retry_does_too(start: Start, outside: Outside) -> None:
    house = started(start, outside, GREET.replace("quiet_hours: false, ", ""), now=NIGHT)
    outside.mail.says = {"RCPT": "450 later"}
    send(house)
    (row,) = house.rows("outbound_messages")
    assert (row.state, row.due_at, outside.mail.commands) == ("pending", house.clock.now + timedelta(hours=11.5), [])
    house.clock.now = row.due_at + timedelta(hours=11, minutes=59)
    for failures in range(1, 4):  # until a retry comes due in the night
        house.run()
        (row,) = house.rows("outbound_messages")
        assert (row.state, row.failures) == ("pending", failures)
        house.clock.now = row.due_at
    tried = len(outside.mail.commands)
    house.run()
    (row,) = house.rows("outbound_messages")
    assert (row.state, row.failures, row.attempts, row.lease) == ("pending", 3, 0, None)
    assert (row.due_at.hour, row.due_at.minute, len(outside.mail.commands)) == (11, 0, tried)
    outside.mail.says, house.clock.now = {}, row.due_at
    house.run()
    assert messages(house) == [("sent", None)]


def withdrawn(house: Pipeline, way: str) -> None:
    with house.database.write() as tx:
        (opv,) = house.opvs()
        asked = ConsentWithdrawalBody.model_validate({"what": "novidades", "ways": [way]})
        withdraw_consent(tx, house.house(), Viewer("rui", "director"), house.clock(), opv.client_id, asked)


def test_nobody_is_written_to_who_does_not_want_it(start: Start, outside: Outside) -> None:
    again = (
        "{key: again, on: opv.captured_again, "
        "do: [{message: {via: email, text: Oi}}, {message: {via: fala, text: Oi}}]}"
    )
    house = started(start, outside, GREET.replace("quiet_hours: false, ", ""), again, now=NIGHT)
    send(house)
    withdrawn(house, "email")
    house.clock.forward(hours=12)
    send(house, id="again")
    assert messages(house) == [("parked", "no_consent"), ("sent", None)]
    assert [step.get("reason") for step in steps(house)] == [None, "no_consent", None]
    assert (outside.mail.commands, len(outside.conecta.asked)) == ([], 1)


def test_without_an_address_or_a_name(start: Start, outside: Outside) -> None:
    house = started(start, outside, GREET, GREET.replace("greet,", "other,").replace("via: email", "via: fala").replace(
        'subject: "{{ client.first_name }}, recebemos seu contato", ', ""))  # fmt: skip
    send(house, email=None, nome=None)
    runs = {run.automation: run for run in house.runs()}
    (step,) = json.loads(runs["greet"].steps)
    assert (step["result"], step["reason"]) == ("skipped", "no_address")
    assert (runs["other"].result, json.loads(runs["other"].steps)[0]["reason"]) == ("failed", "template_value_missing")
    assert "client.first_name" in (runs["other"].because or "")
    assert house.rows("outbound_messages") == []


def test_whatsapp_templates_and_webhooks(start_on_sqlite: Start, outside: Outside) -> None:
    house = started(
        start_on_sqlite, outside,
        "{key: a, on: opv.created, do: [{message: {via: fala, template: boas_vindas, "
        'values: ["{{ client.first_name }}", "{{ capture.message }}"]}}, '
        '{message: {via: painel, text: "Oi {{ opv.number }}"}}]}',
    )  # fmt: skip
    send(house, mensagem="Quero\nvisitar")
    (asked,) = outside.conecta.asked
    body = json.loads(asked.body)
    assert (asked.path, body["phone"], body["name"]) == ("/messages", "+5511980000001", "Bruno Exemplo 1")
    assert (body["template"], body["values"], body["text"]) == ("boas_vindas", ["Bruno", "Quero visitar"], None)
    assert "email" not in body
    (posted,) = outside.posted()
    assert (posted["kind"], posted["text"], posted["email"]) == ("client_message", "Oi 1", "pessoa1@example.com")


def test_other_systems_are_posted_to(start: Start, outside: Outside) -> None:
    house = started(
        start, outside,
        '{key: push, on: opv.assigned, do: [{post: {to: painel, body: {opv: 7, who: {name: "{{ client.name }}", '
        'tags: ["{{ broker.name }}", true]}, visit: "{{ visit.date | default(\'\') }}"}}}]}',
        '{key: seen, on: visit.scheduled, do: [{post: {to: painel, body: {at: "{{ visit.date }} {{ visit.time }}"}}}]}',
    )  # fmt: skip
    outside.panel.plan = [Step(503)]
    send(house, nome='Rita "Exemplo", {"a": 1}')
    house.clock.forward(minutes=1)
    house.run()
    first, again = outside.posted()
    assert first == again
    assert first["who"]["tags"] == ["Ana Corretora", True]
    assert (first["opv"], first["visit"], "Exemplo" in first["who"]["name"]) == (7, "", True)
    assert len(outside.panel.effects) == 1
    (opv,) = house.opvs()
    for hours in (30, 54):
        when = house.clock() + timedelta(hours=hours)
        with house.database.write() as tx:
            viewer = Viewer("ana", "broker")
            house.woken += act(
                tx, house.house(), viewer, house.clock(), "1", partial(contact, kind="visit", when=when)
            ).woken
        house.run()
    assert [one["at"] for one in outside.posted()[2:]] == ["22/09/2026 15:01", "23/09/2026 15:01"]
    assert house.kinds(opv.id).count(history.POST_QUEUED) == 3
    assert [state for state, _ in messages(house, "post")] == ["sent"] * 3


NOTIFY = (
    "{key: tell, name: Lead quente, on: opv.assigned, do: [{notify: {to: [broker, team, ops], via: [painel, log], "
    'subject: "OPV {{ opv.number }}", text: "{{ client.name }}"}}]}'
)


def test_the_client_is_named_to_those_alone_who_see_the_opv(start: Start, outside: Outside) -> None:
    house = started(start, outside, NOTIFY)
    send(house)
    assert {one["person"]: one["text"] for one in outside.posted()} == {
        "ana": "Bruno Exemplo 1", "paula": "Bruno Exemplo 1", "rui": "Bruno Exemplo 1",
    }  # fmt: skip
    rows = [(row.recipient, row.target, row.state, row.reason) for row in house.rows("outbound_messages")]
    assert ("bia", "painel", "parked", "not_linked") in rows
    assert len(rows) == 8
    assert steps(house)[0]["to"] == ["ana", "paula", "bia", "rui"]


def test_a_notice_says_by_itself_what_it_is_about(start_on_sqlite: Start, outside: Outside) -> None:
    links = 'notices: {address: "https://leads.example.com", secret: "${L}"}'
    house = started(
        start_on_sqlite, outside,
        "{key: tell, name: Lead quente, on: opv.assigned, do: [{notify: {to: [broker, bia], via: [painel]}}]}",
        '{key: take, on: opv.assigned, do: [{notify: {to: broker, via: [painel], text: "Aceite: {{ link }}"}}]}',
        more=links, people=PEOPLE.replace("{teams: [sul]}", "{teams: [sul], accept: {within: 10 minutes}}"),
    )  # fmt: skip
    send(house, empreendimento="Residencial Jardim")
    by_person = {(one["person"], one["subject"]): one["text"] for one in outside.posted()}
    default_text = "OPV 1 (Residencial Jardim) está na etapa Novo. Aviso da automação “Lead quente”."
    assert by_person["bia", "OPV 1 (Residencial Jardim): Lead quente"] == default_text
    assert by_person["ana", "OPV 1 (Residencial Jardim): Lead quente"] == default_text
    assert by_person["ana", "OPV 1 (Residencial Jardim): take"].startswith("Aceite: https://leads.example.com/accept/")


def test_erased_clients_are_written_nothing(start: Start, outside: Outside) -> None:
    house = started(start, outside, GREET.replace("quiet_hours: false, ", ""), now=NIGHT)
    send(house)
    (opv,) = house.opvs()
    viewer, body = Viewer("rui", "director"), ErasureBody(reason="Protocolo 1")
    erase(house.database, house.house(), viewer, house.clock, lambda _: None, opv.client_id, body)
    house.clock.forward(days=1)
    house.run()
    assert messages(house) == [("parked", "erased")]
    (row,) = house.rows("outbound_messages")
    with house.database.read() as tx:
        shown = detail(tx, row.id, house.house())
    assert (shown.body, bool(shown.no_replay), outside.mail.commands) == ("{}", True, [])


def test_a_batch_reads_clients_once(start: Start, outside: Outside) -> None:
    house = started(start, outside, '{key: note, on: opv.created, do: [{comment: "Veio {{ client.name }}"}]}')
    counts = []
    for numbers in (range(1, 3), range(10, 40)):
        house.deliver_all([("site", lead(number)) for number in numbers])
        house.round("ingest")
        with counted(house.database) as statements:
            house.round("automation")
        counts.append(len(statements))
    assert counts[0] == counts[1] or house.database.dialect == "postgresql"  # which copies what is much
    assert max(counts) < 40
    house.run()
    said = {json.loads(row.content)["text"] for row in house.rows("history_contents") if "Veio" in (row.content or "")}
    assert len(said) == 32


def test_the_opv_of_then_is_told_of_not_that_of_now(start_on_sqlite: Start, outside: Outside) -> None:
    """Who has the OPV no more is not told of its client."""
    house = started(start_on_sqlite, outside, NOTIFY.replace("[broker, team, ops]", "broker"))
    house.deliver("site", lead())
    for step in ("ingest", "distribution", "automation"):
        house.round(step)
    with house.database.write() as tx:
        act(
            tx,
            house.house(),
            Viewer("rui", "director"),
            house.clock(),
            "1",
            lambda at: transfer(at, "férias", broker="bia"),
        )
        act(tx, house.house(), Viewer("rui", "director"), house.clock(), "1", lambda at: comment(at, "oi"))
    house.round("outbound")
    assert ("parked", "not_linked") in messages(house, "notice")
    assert outside.posted() == []

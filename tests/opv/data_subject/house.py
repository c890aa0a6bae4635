"""A house in which one person has left traces in every way that there is, among others whose data are to stay."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote_plus
from uuid import UUID

from sqlalchemy import Connection

from adapters.targets.log import LogTarget
from db.bulk import insert_rows
from db.ids import new_id
from opv.access import Viewer
from opv.actions import Acting, comment, contact, transfer
from opv.answers.changes import change_tags, set_fields
from opv.by_people import act, register
from opv.clients.add import add_client
from opv.clients.change import change_client, remove_client
from opv.clients.merge import merge_clients
from opv.house import House
from porteiro.importing.lines import Verdict
from porteiro.importing.mapping import map_columns
from porteiro.importing.reading import open_table
from porteiro.importing.run import store, survey
from schemas.client import Address, ClientChangeBody, ClientDetails, InvolvementBody
from schemas.lead import Lead, SentPhone
from schemas.source import HttpAnswer
from schemas.target import Message
from tests.pipeline import HOUSE, TABLES, NoNetwork, Pipeline, Start

NAME, EMAIL, DOCUMENT, RG = (
    "Zuleica Prova Quintanilha",
    "zuleica.q@exemplo-prova.com.br",
    "390.533.447-05",
    "48.291.773-X",
)
PHONE = "+5511987654321"
SPELLINGS = ("(11) 98765-4321", "11987654321", "+55 11 98765 4321", "11 8765-4321", "5511987654321")
"""The same number, as senders write it."""

OTHER, OTHER_EMAIL, OTHER_DOCUMENT = "Benedito Outro Exemplo", "benedito@example.com", "529.982.247-25"
OTHER_PHONE = "+5511955550002"

LGPD_HOUSE = HOUSE.replace(
    'key: site, source: form, secrets: ["${S}"]',
    'key: site, source: form, secrets: ["${S}"], forward_to: "https://crm.example.com/leads"',
).replace(
    "funnel:",
    """  - {key: wa, source: whatsapp_cloud, secrets: ["${S}"], options: {verify_token: "${S}"}}
campaigns: [{key: verao, name: Verão}]
legal: {officer: paula}
tags: [{key: vip, name: VIP}]
fields:
  - {key: notes, name: Anotações}
  - {key: budget, name: Orçamento, kind: number}
  - {key: since, name: Desde, kind: date}
automations:
  - {key: tell, on: opv.assigned, do: [{notify: broker}, {comment: Novo lead}]}
  - {key: friend, on: opv.captured, when: {answers.indicacao: ninguem}, do: [{notify: manager}]}
funnel:""",
).replace(
    "rules: [{key: any",
    "rules: [{key: friends, when: {answers.indicacao: ninguem}, queue: {teams: [sul]}}, {key: any",
)  # fmt: skip


class Graph(NoNetwork):
    """Meta's Graph API with two leads."""

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        name, phone = {"501": (NAME, PHONE), "502": (OTHER, OTHER_PHONE)}[url.rsplit("/", 1)[1]]
        data = [{"name": "full_name", "values": [name]}, {"name": "phone_number", "values": [phone]}]
        disclaimer = [{"checkbox_key": "aceite_lgpd", "is_checked": "1"}]
        lead = {"id": url.rsplit("/", 1)[1], "form_id": "7", "created_time": "2026-09-21T11:59:00+0000",
                "field_data": data, "custom_disclaimer_responses": disclaimer}  # fmt: skip
        return HttpAnswer(200, {}, json.dumps(lead).encode())


class Crm:
    """The system beside Porteiro, which takes whatever it is sent."""

    slug: ClassVar[str] = "forward"

    def send(self, message: Message) -> None:
        assert message.request is not None


def wamid(phone: str, number: int) -> str:
    """An id of a WhatsApp message: it holds the number of whoever wrote it."""
    return "wamid." + base64.b64encode(b"\x1d\x0d" + phone.removeprefix("+").encode() + bytes([number, 2])).decode()


def whatsapp(phone: str, name: str, number: int, text: str) -> dict[str, Any]:
    """A message, as WhatsApp's webhook tells it."""
    message = {"from": phone[1:], "id": wamid(phone, number), "timestamp": "1790000200", "type": "text",
               "text": {"body": text}}  # fmt: skip
    value = {
        "messaging_product": "whatsapp", "messages": [message],
        "metadata": {"display_phone_number": "553140000000", "phone_number_id": "21"},
        "contacts": [{"profile": {"name": name}, "wa_id": phone[1:]}],
    }  # fmt: skip
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "3", "changes": [{"value": value, "field": "messages"}]}],
    }


@dataclass
class People:
    """The house, who the person and the other one are, and which deliveries hold what."""

    house: Pipeline
    subject: UUID
    other: UUID
    opv: UUID
    other_opv: UUID
    deliveries: dict[str, UUID] = field(default_factory=dict)
    files: dict[UUID, str] = field(default_factory=dict)

    def remove(self, file: UUID) -> None:
        """Removes an attachment's file."""
        self.files.pop(file, None)

    def do(self, deed: Callable[[Acting], object], opv: UUID | None = None, person: str = "rui") -> None:
        """Somebody acts on an OPV."""
        with self.house.database.write() as tx:
            act(tx, self.house.houses.current(tx), self.viewer(person), self.house.clock(), str(opv or self.opv), deed)

    def viewer(self, person: str = "rui") -> Viewer:
        """A person of the house."""
        return Viewer(person, self.house.house().roster.people[person].role)

    def client_of(self, opv: UUID) -> UUID:
        """The main client of an OPV."""
        (row,) = self.house.rows("opportunities", "client_id", id=opv)
        return UUID(str(row.client_id))


def settled(start: Start, tmp_path: Path) -> People:
    """The house after a busy time."""
    house = start(LGPD_HOUSE, http=Graph(), targets={"log": LogTarget(), "forward": Crm()})
    sent: dict[str, UUID] = {}
    _leads(house, sent)
    subject, other = (_client(house, phone) for phone in (PHONE, OTHER_PHONE))
    opv, other_opv = (_opv(house, client) for client in (subject, other))
    people = People(house, subject, other, opv, other_opv, sent)
    _by_people(people)
    _import(house, tmp_path)
    _rows(people)
    house.run()
    return people


def _leads(house: Pipeline, sent: dict[str, UUID]) -> None:
    mine = {
        "id": f"contato-{EMAIL}", "nome": NAME.upper(), "telefone": SPELLINGS[0], "email": EMAIL.upper(),
        "cpf": DOCUMENT, "mensagem": f"Sou a {NAME}, me ligue no {SPELLINGS[3]}", "indicacao": f"amiga da {NAME}",
        "utm_campaign": EMAIL, "gclid": "Cj0" + base64.b64encode(EMAIL.encode()).decode(), "aceite_lgpd": "Li e aceito",
        "cidade": "Campinas", "campanha": f"Indicada por {NAME}",
    }  # fmt: skip
    query = f"https://leads.example.com/hooks/site?nome={quote_plus(NAME)}&tel={quote_plus(SPELLINGS[0])}"
    sent["form"] = house.deliver("site", mine, url=query, headers=f"referer: /?e={EMAIL}\r\n".encode())
    sent["other"] = house.deliver("site", {"id": "b-1", "nome": OTHER, "telefone": OTHER_PHONE, "email": OTHER_EMAIL,
                                           "cpf": OTHER_DOCUMENT, "mensagem": "Quero visitar"})  # fmt: skip
    house.run()
    house.clock.forward(minutes=1)
    sent["repeat"] = house.deliver("site", mine)
    sent["conflict"] = house.deliver("site", {"id": "b-1", "nome": NAME, "telefone": SPELLINGS[1]})
    sent["junk"] = house.deliver("blog", {"nome": f"{NAME} http://spam.example.com/", "telefone": SPELLINGS[2]})
    both = [(NAME, SPELLINGS[4]), (OTHER, OTHER_PHONE)]
    sent["list"] = house.deliver("blog", [{"id": f"l-{p}", "nome": n, "telefone": p} for n, p in both])
    sent["zap"] = house.deliver("zap", {
        "leadOrigin": "Grupo OLX", "timestamp": "2026-09-21T11:40:10.119Z", "originLeadId": "e" * 24,
        "clientListingId": "AP-0101", "name": NAME, "email": EMAIL, "ddd": "11", "phone": "987654321",
        "phoneNumber": SPELLINGS[1], "message": f"{NAME}: tenho interesse", "temperature": "Alta",
    })  # fmt: skip
    changes = [{"field": "leadgen", "value": {"leadgen_id": id_, "form_id": "7"}} for id_ in ("501", "502")]
    sent["meta"] = house.deliver("meta", {"object": "page", "entry": [{"id": "104", "changes": changes}]})
    house.run()
    for number, text in ((1, "Oi"), (2, f"É a {NAME}")):
        message = whatsapp(PHONE, NAME, number, text)
        said = message["entry"][0]["changes"][0]["value"]["messages"]
        said.append({**said[0], "id": wamid(PHONE, number + 10), "type": "reaction"})
        sent[f"wa{number}"] = house.deliver("wa", message)
        house.run()
    receipt = whatsapp(PHONE, NAME, 3, "")
    receipt["entry"][0]["changes"][0]["value"] |= {"messages": [], "statuses": [{"recipient_id": PHONE[1:]}]}
    reaction = whatsapp(PHONE, NAME, 4, "")
    reaction["entry"][0]["changes"][0]["value"]["messages"][0]["type"] = "reaction"
    sent["receipt"], sent["reaction"] = house.deliver("wa", receipt), house.deliver("wa", reaction)
    sent["broken"] = house.deliver("site", f'{{"nome": "{NAME}", "telefone": "(11) 98765 4321", '.encode())
    sent["broken_other"] = house.deliver("site", f'{{"nome": "{OTHER}", "telefone": "{OTHER_PHONE}", '.encode())
    house.run()
    # Somebody else with another document and a phone of its own, under which the person came once.
    house.deliver("blog", {"nome": "Otavio Terceiro", "telefone": "(11) 97777-0000", "cpf": "111.444.777-35"})
    house.run()
    house.deliver("blog", {"nome": NAME, "telefone": "(11) 97777-0000", "cpf": DOCUMENT})
    house.run()


def _by_people(people: People) -> None:
    house = people.house

    def write(do: Callable[[Connection, House, datetime], Any]) -> Any:
        with house.database.write() as tx:
            return do(tx, house.houses.current(tx), house.clock())

    rui = people.viewer()
    people.do(lambda at: comment(at, f"Falei com a {NAME}, fone {SPELLINGS[3]}"))
    people.do(lambda at: contact(at, "visit", place="Stand", outcome="gostou", text="A Zuleica trouxe o marido"))
    people.do(lambda at: transfer(at, f"{NAME} pediu", broker="bia"))
    people.do(lambda at: set_fields(at, {"notes": f"{NAME} quer varanda", "budget": 450000, "since": "2026-09-01"}))
    people.do(lambda at: change_tags(at, ["vip"]))
    people.do(lambda at: set_fields(at, {"notes": "A fiadora é a Zuleica", "budget": 300000}), people.other_opv)
    people.do(lambda at: comment(at, "Benedito gostou da planta"), people.other_opv)
    people.do(lambda at: comment(at, "A fiadora Zuleica ligou"), people.other_opv)
    details = ClientDetails(rg=RG, addresses=[Address(street="Rua da Prova", cep="01310-100")], profession="Dentista")
    change = ClientChangeBody(name=f"{NAME} de Tal", details=details, emails=[EMAIL, "antigo." + EMAIL])
    write(lambda tx, at, now: change_client(tx, at, rui, now, str(people.opv), people.subject, change))
    back = ClientChangeBody(name=NAME, emails=[EMAIL])
    write(lambda tx, at, now: change_client(tx, at, rui, now, str(people.opv), people.subject, back))
    spouse = InvolvementBody(role="spouse", name="Tadeu Cônjuge", phones=["11 96666-0003"], spouse=people.subject)
    write(lambda tx, at, now: add_client(tx, at, rui, now, str(people.opv), spouse))
    guarantor = InvolvementBody(role="guarantor", client=people.subject)
    write(lambda tx, at, now: add_client(tx, at, rui, now, str(people.other_opv), guarantor))
    typed = Lead(name=NAME, phones=[SentPhone(value=SPELLINGS[2])], message="Veio ao plantão")
    write(lambda tx, at, now: register(tx, at, people.viewer("bia"), now, typed, "bia"))
    mail = Lead(name="Zuleica Quintanilha", emails=["zuzu@exemplo-prova.com.br"])
    done = write(lambda tx, at, now: register(tx, at, rui, now, mail, "ana"))
    twin = people.client_of(done.opv)
    write(lambda tx, at, now: merge_clients(tx, at, rui, now, people.subject, twin))
    third = _opv(house, _client(house, "+5511977770000"))
    write(lambda tx, at, now: add_client(tx, at, rui, now, str(third), guarantor))
    write(lambda tx, at, now: remove_client(tx, at, rui, now, str(third), people.subject))


def imported(house: Pipeline, path: Path, channel: str) -> dict[Verdict, int]:
    """Imports a file; its lines by verdict."""
    entrance, table = house.house().entrance_by_key[channel], open_table(path)
    columns = map_columns(table.columns, [row.cells for row in table.rows()], (), entrance.mapping)
    with survey(house.database, entrance, table, columns) as found:
        for _ in store(house.database, entrance, found, house.clock, lambda _: None):
            pass
    house.run()
    return dict(found.counts)


def _import(house: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "planilha.csv"
    path.write_text(f"Nome;Telefone;E-mail\n{NAME};{SPELLINGS[0]};{EMAIL}\nNair Nova;11 94444-0009;nair@example.com\n")
    imported(house, path, "blog")


def _rows(people: People) -> None:
    """What other parts of the house write about OPVs."""
    house = people.house
    at = house.clock()
    opvs = (people.opv, people.other_opv)
    message = {"state": "sent", "reason": None, "created_at": at, "sent_at": at, "due_at": None, "target": "sales"}
    rows: dict[str, list[dict[str, Any]]] = {
        "outbound_messages": [
            {"id": new_id(), "idempotency_key": f"sale:{n}", "kind": "sale", "recipient": "sales",
             "opportunity_id": opv, "body": json.dumps({"clients": [{"name": name, "cpf": doc}]}), **message}
            for n, (opv, name, doc) in enumerate([(opvs[0], NAME, DOCUMENT), (opvs[1], OTHER, OTHER_DOCUMENT)])
        ],
        "pending_items": [
            {"id": new_id(), "opportunity_id": opv, "title": title, "owner": "bia", "due_at": at + timedelta(days=1),
             "state": "open", "created_by": "bia", "created_at": at}
            for opv, title in ((opvs[0], f"Ligar para {NAME}"), (opvs[1], "Ligar para Benedito"))
        ],
        "sale_processes": [
            {"id": new_id(), "opportunity_id": opv, "seq": 1, "at": at, "asked_by": "bia", "value_cents": 1,
             "unit": "101", "sold_on": at.date(), "state": "failed", "process_id": None, "status": None,
             "reason": reason}
            for opv, reason in ((opvs[0], f"CPF {DOCUMENT} irregular"), (opvs[1], "CPF irregular"))
        ],
        "attachments": [
            {"id": new_id(), "opportunity_id": opv, "client_id": client, "name": name,
             "content_type": "application/pdf", "size": 3, "sha256": b"x", "added_by": "bia", "added_at": at}
            for opv, client, name in (
                (opvs[0], people.subject, f"RG {NAME}.pdf"), (opvs[0], None, "contrato.pdf"),
                (opvs[1], people.subject, "fiadora.pdf"), (opvs[1], None, "benedito.pdf"),
            )
        ],
        "unmapped": [
            {"id": new_id(), "field": "shared_phone", "value": PHONE, "channel": "site", "count": 1, "first_at": at,
             "last_at": at, "last_capture_id": None}
        ],
    }  # fmt: skip
    with house.database.write() as tx:
        for table, wanted in rows.items():
            for row in wanted:
                insert_rows(tx, TABLES[table], [row])
    people.files = {row.id: row.name for row in house.rows("attachments")}


def _client(house: Pipeline, phone: str) -> UUID:
    (row,) = house.rows("contact_keys", kind="phone", value=phone)
    return UUID(str(row.client_id))


def _opv(house: Pipeline, client: UUID) -> UUID:
    return UUID(str(house.rows("opportunities", client_id=client)[0].id))

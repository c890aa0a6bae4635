"""What the access matrix needs of each route: a house, an OPV with what belongs to it, and a body that is right.

Who adds a route adds
1. a line to `access_matrix.txt`, beside this file;
2. if it takes a body, one that it would accept, to `BODIES`;
3. if it only works on an OPV in some state (a withdrawn one, to be reopened), what makes it so, to `STATES`;
4. if its path has an id that is new here, what makes the thing and gives its id, to `MAKERS`.
The test says which of them is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import update

from db.ids import new_id
from db.models import DeliveryOutcome, DistributionWork, Opportunity
from opv.house import House, build_house
from opv.links import Deed, Link, address_of
from schemas.config import Configuration
from tests.stored import CONFIGURATION, NOW, Stored, ago

VIEWERS: Mapping[str, str | None] = {
    "broker": "ana",
    "other_broker": "caio",
    "manager": "paula",
    "other_manager": "marta",
    "director": "rui",
    "presales": "pri",
    "presales_later": "pri",
    "ops": "olga",
    "nobody": None,
}
"""Columns of the matrix and who looks: the OPV's broker, a broker who has nothing to do with it, the broker's manager,
another manager, a director, who serves it in pre-sales while it is there and once it has moved on, operations, and one
without a token."""

EARLY = "presales"
"""The column whose OPV is in a stage of pre-sales; in all others it is in one of sales."""


def access_house() -> House:
    """The house of `tests.stored` with pre-sales, a queue and an automation."""
    people = [*CONFIGURATION["people"], {"key": "pri", "name": "Pri Atendente", "role": "presales"}]  # type: ignore[misc] # read as plain YAML
    stages = [
        {"key": "qualify", "name": "Qualificação", "kind": "presales"},
        {"key": "new", "name": "Novo lead"},
        {"key": "contacted", "name": "Em atendimento"},
    ]
    queues = [{"key": "sul", "teams": ["sul"], "strategy": "manual"}, {"key": "roleta", "teams": ["sul"]}]
    automation = {"key": "thanks", "on": "lead.invalid_refused", "do": [{"comment": "Obrigado"}]}
    parts = {"people": people, "funnel": {"stages": stages}, "queues": queues, "automations": [automation],
             "tags": [{"key": "vip", "name": "VIP"}],
             "fields": [{"key": "budget", "name": "Orçamento", "kind": "number"}]}  # fmt: skip
    configuration = {**CONFIGURATION, **parts}
    read = Configuration.model_validate(configuration)
    return build_house(1, read, {}, link_address="https://leads.example.com", link_secret="segredo")


@dataclass
class Scene:
    """One call to come: rows to look at or to act on, `number` unique to it. The OPV is made when it is asked for."""

    store: Stored
    column: str
    number: int
    folder: Path
    """That of the test, with the attachments in it."""
    made: list[UUID] = field(default_factory=list)

    @property
    def opv(self) -> UUID:
        """The OPV of Ana and Paula, that Pri served before sales."""
        if not self.made:
            stage = "qualify" if self.column == EARLY else "new"
            served = {"team": "sul", "manager": "paula", "broker": "ana", "presales_broker": "pri"}
            number = 1_000_000 - self.number  # apart from those that the program gives, from 1 or from the highest on
            self.made.append(self.store.opv(stage=stage, number=number, created_at=ago(3600), **served))
            self.store.card(self.made[0])
        return self.made[0]

    def set(self, **columns: Any) -> None:
        """Changes the OPV's row."""
        opv = self.opv
        with self.store.database.write() as tx:
            tx.execute(update(Opportunity).where(Opportunity.id == opv).values(**columns))

    def listed(self, **columns: Any) -> None:
        """Changes the OPV's row on the list of those that wait."""
        opv = self.opv
        with self.store.database.write() as tx:
            tx.execute(update(DistributionWork).where(DistributionWork.opportunity_id == opv).values(**columns))


def _client(scene: Scene) -> UUID:
    """A client involved beside the main one, who could not be taken out."""
    id_ = new_id()
    scene.store.insert("clients", {
        "id": id_, "kind": "natural", "name": "Beto Exemplo", "document": None, "phones": "[]", "emails": "[]",
        "created_at": ago(0),
    })  # fmt: skip
    scene.store.insert("involved_clients", {"opportunity_id": scene.opv, "client_id": id_, "role": "partner"})
    return id_


def _pending_item(scene: Scene) -> UUID:
    id_ = new_id()
    scene.store.insert("pending_items", {
        "id": id_, "opportunity_id": scene.opv, "title": "Enviar tabela", "owner": "ana", "state": "open",
        "due_at": NOW + timedelta(days=1), "created_by": "paula", "created_at": NOW, "ended_by": None, "ended_at": None,
    })  # fmt: skip
    return id_


def _attachment(scene: Scene) -> UUID:
    id_ = new_id()
    files = scene.folder / "attachments"
    files.mkdir(exist_ok=True)
    (files / id_.hex).write_bytes(b"oi")
    scene.store.insert("attachments", {
        "id": id_, "opportunity_id": scene.opv, "client_id": None, "name": "proposta.txt", "content_type": "text/plain",
        "size": 2, "sha256": hashlib.sha256(b"oi").digest(), "added_by": "ana", "added_at": NOW, "erased_at": None,
        "removed_at": None,
    })  # fmt: skip
    return id_


def _request(scene: Scene) -> UUID:
    id_ = new_id()
    scene.store.insert("transfer_requests", {
        "id": id_, "opportunity_id": scene.opv, "seq": 1, "kind": "transfer", "asked_by": "ana", "broker": "bia",
        "at": NOW, "state": "open", "answered_by": None, "answered_at": None, "answer_seq": None,
    })  # fmt: skip
    return id_


def _to_accept(scene: Scene) -> None:
    scene.store.waits(scene.opv)
    scene.listed(state="accepting", broker="ana", due_at=NOW + timedelta(days=1))


def _in_pool(scene: Scene) -> None:
    scene.set(broker=None, manager=None, team=None, presales_broker=None)
    scene.store.waits(scene.opv, "pool")
    scene.listed(state="pool", queue="sul")


def _acceptance(scene: Scene) -> str:
    _to_accept(scene)
    decision = new_id()
    scene.store.insert("assignments", {
        "id": new_id(), "opportunity_id": scene.opv, "decision_id": decision, "team": "sul", "manager": "paula",
        "broker": "ana", "since": NOW, "part": "sales",
    })  # fmt: skip
    return _token("accept", Link(scene.opv, "ana", str(decision)))


def _claim(scene: Scene) -> str:
    _in_pool(scene)
    return _token("claim", Link(scene.opv, "ana", "1"))


def _token(deed: Deed, link: Link) -> str:
    return str(address_of(access_house(), deed, link, NOW)).rpartition("/")[2]


def _delivery(scene: Scene) -> UUID:
    id_ = scene.store.delivery(DeliveryOutcome.IGNORED)
    scene.store.submission(id_, "ignored", reason="junk_phone")
    return id_


def _run(scene: Scene) -> UUID:
    """A run that failed at its only action."""
    id_ = new_id()
    scene.store.insert("automation_runs", {
        "id": id_, "automation": "thanks", "opportunity_id": scene.opv, "occurrence": "7", "at": NOW,
        "result": "failed", "because": "comment: bug", "steps": "[]", "todo": '[["0", {"comment": "Obrigado"}]]',
    })  # fmt: skip
    return id_


MAKERS: Mapping[str, Callable[[Scene], object]] = {
    "opvs": lambda scene: scene.opv,
    "deliveries": _delivery,
    "outbound": lambda scene: scene.store.message(),
    "notices": lambda scene: scene.store.message(
        target="log", kind="notice", recipient="ana", opportunity_id=scene.opv
    ),
    "clients": _client,
    "pending-items": _pending_item,
    "attachments": _attachment,
    "transfer-requests": _request,
    "people": lambda _: "ana",
    "accept": _acceptance,
    "claim": _claim,
    "availability": lambda _: "ana",
    "queues": lambda _: "roleta",
    "excluded-brokers": lambda _: "bia",
    "automations": lambda _: "thanks",
    "automation-runs": _run,
}
"""By the segment of the path before an id: what makes the thing, on the scene's OPV where it belongs to one, and gives
its id."""

BODIES: Mapping[str, Callable[[Scene], dict[str, Any]]] = {
    "POST /api/v1/opvs": lambda scene: _json(name="Rosa Nova", phones=[f"(11) 9{7000_0000 + scene.number}"]),
    "POST /api/v1/opvs/{ident}/comments": lambda _: _json(text="Ligar amanhã"),
    "POST /api/v1/opvs/{ident}/contacts": lambda _: _json(kind="call"),
    "POST /api/v1/opvs/{ident}/stage": lambda _: _json(stage="contacted"),
    "POST /api/v1/opvs/{ident}/assignment": lambda _: _json(broker="bia", reason="férias"),
    "POST /api/v1/opvs/{ident}/acceptance": lambda _: _json(accept=True),
    "POST /api/v1/opvs/{ident}/tags": lambda _: _json(add=["vip"]),
    "POST /api/v1/opvs/{ident}/fields": lambda _: _json(budget=450000.5),
    "POST /api/v1/opvs/{ident}/withdrawal": lambda _: _json(reason="price"),
    "POST /api/v1/opvs/{ident}/won-sale": lambda _: _json(value="350000.00", unit="AP-101", date=f"{ago(86400):%F}"),
    "POST /api/v1/opvs/{ident}/clients": lambda _: _json(name="Caio Exemplo", kind="natural", role="guarantor"),
    "PATCH /api/v1/opvs/{ident}/clients/{client}": lambda _: _json(name="Beto Exemplo Filho"),
    "POST /api/v1/clients/{client}/merge": lambda scene: _json(other=str(_client(scene))),
    "POST /api/v1/opvs/{ident}/transfer-requests": lambda _: _json(broker="bia", reason="férias"),
    "POST /api/v1/transfer-requests/{ident}/answer": lambda _: _json(grant=True),
    "POST /api/v1/people/{person}/portfolio": lambda _: _json(broker="bia", reason="férias"),
    "POST /api/v1/opvs/{ident}/invalid": lambda _: _json(reason="wrong_number"),
    "PUT /api/v1/availability/{person}": lambda _: _json(state="available"),
    "POST /api/v1/undistributed/assignment": lambda scene: _json(
        opvs=[str(scene.opv)], to={"broker": "bia"}, reason="mutirão"
    ),
    "POST /api/v1/opvs/{ident}/pending-items": lambda _: _json(title="Ligar", due_at="2031-05-02T12:00:00Z"),
    "PATCH /api/v1/opvs/{ident}/pending-items/{item}": lambda _: _json(title="Ligar de novo"),
    "POST /api/v1/opvs/{ident}/attachments": lambda _: {"files": {"file": ("proposta.txt", b"oi", "text/plain")}},
    "POST /api/v1/opvs/{ident}/whatsapp": lambda _: _json(),
    "POST /api/v1/clients/{client}/consents/withdrawal": lambda _: _json(what="e-mails"),
    "POST /api/v1/clients/{client}/erasure": lambda _: _json(reason="a pedido"),
    "POST /api/v1/distribution/simulation": lambda _: _json(rules="queues: []", since="2 hours"),
    "POST /api/v1/automations/{key}/pause": lambda _: _json(because="texto errado"),
    "POST /api/v1/automations/{key}/resume": lambda _: _json(missed=True),
    "POST /api/v1/automations/{key}/run": lambda scene: _json(opv=str(scene.opv)),
    "POST /api/v1/automations/{key}/dry-run": lambda scene: _json(opv=str(scene.opv)),
    "POST /api/v1/automations/{key}/backtest": lambda _: _json(since="2 hours"),
    "POST /api/v1/outbound/replay": lambda _: _json(target="painel"),
    "POST /api/v1/deliveries/replay": lambda _: _json(outcome="ignored", dry_run=True),
}
"""By route: what is sent, as arguments of `requests.request` (`json`, or `files` and `data`)."""

STATES: Mapping[str, Callable[[Scene], None]] = {
    "POST /api/v1/opvs/{ident}/acceptance": _to_accept,
    "POST /api/v1/opvs/{ident}/claim": _in_pool,
    "POST /api/v1/opvs/{ident}/reopening": lambda scene: scene.set(status="lost"),
    "POST /api/v1/distribution/simulation": lambda scene: scene.store.waits(scene.opv),
}
"""By route: what must be so before the call."""


def _json(**body: Any) -> dict[str, Any]:
    return {"json": body}

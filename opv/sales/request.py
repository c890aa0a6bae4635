"""What the sales module is sent: made of the database when it is sent, so that no row keeps a person's data twice."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, select

from db.models import Base
from db.queries.sales import processes
from db.session import AnyRow
from opv.clients.involved import Involved, involved_of
from opv.house import House
from schemas.errors import Park
from schemas.sale import SaleClient, SaleRequest, Seller, SoldDevelopment, SoldOpv, SoldTeam
from schemas.target import Answer, Message

_OPVS = Base.metadata.tables["opportunities"]


def message_to_send(tx: Connection, message: Message, house: House) -> Message | Answer:
    """The message with the sale as its body, or the answer, when the module has told of the process by itself.

    Raises `Park`: `process_gone`, `process_over`, `opv_closed`."""
    told = json.loads(message.body)
    process = next(iter(processes(tx, [UUID(told["process"])])), None)
    if process is None:
        raise Park("process_gone", "the process is not stored any more")
    if process.process_id is not None:
        return Answer(process.process_id)
    if process.state != "asked":
        raise Park("process_over", "nobody waits for the process any more")
    request = request_of(tx, process, house)
    return replace(message, body=request.model_dump_json(), tried=message.tried or bool(told.get("tried")))


def request_of(tx: Connection, process: AnyRow, house: House) -> SaleRequest:
    """The sale in full, as everything stands now. Raises `Park` `opv_closed`."""
    names = (
        "id", "number", "funnel", "stage", "status", "development", "team", "manager", "broker", "second_broker",
    )  # fmt: skip
    opv = tx.execute(select(*(_OPVS.c[name] for name in names)).where(_OPVS.c.id == process.opportunity_id)).one()
    if opv.status != "open":
        raise Park("opv_closed", "the OPV was closed before the sales module answered")
    developments = {one.key: one.name for one in house.configuration.developments}
    team = house.roster.teams.get(opv.team or "")
    return SaleRequest(
        reference=process.id,
        opv=SoldOpv(id=opv.id, number=opv.number, funnel=opv.funnel, stage=opv.stage),
        value=f"{process.value_cents // 100}.{process.value_cents % 100:02d}",
        unit=process.unit,
        date=process.sold_on,
        development=SoldDevelopment(key=opv.development, name=developments.get(opv.development))
        if opv.development
        else None,
        team=SoldTeam(key=opv.team, name=team.name if team else None) if opv.team else None,
        manager=_seller(opv.manager, house),
        broker=_seller(opv.broker, house),
        second_broker=_seller(opv.second_broker, house),
        asked_by=_seller(process.asked_by, house) or Seller(key=process.asked_by),
        clients=[_client(one) for one in involved_of(tx, opv.id)],
    )


def _seller(key: str | None, house: House) -> Seller | None:
    if key is None:
        return None
    person = house.roster.people.get(key)
    if person is None:
        return Seller(key=key)
    return Seller(key=key, name=person.name, email=person.email, phone=person.phone, creci=person.creci)


def _client(one: Involved) -> SaleClient:
    """All that is held of the client but the house's own remarks."""
    details = one.details.model_copy(update={"remarks": None})
    return SaleClient(
        id=one.id, role=one.role, main=one.main, kind=one.kind, name=one.name, document=one.document,
        phones=list(one.phones), emails=list(one.emails), spouse=one.spouse, details=details,
    )  # fmt: skip

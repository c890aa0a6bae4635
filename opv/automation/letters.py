"""What automations say, put together when it goes out: rows hold the templates, and what these name is read then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.models import DistributionWork, Opportunity
from opv import history
from opv.access import Viewer, sees
from opv.automation.templates import FIELDS, LINK, filled, template_of, texts_in
from opv.automation.values import called, main_clients, values_of
from opv.clients.contactable import email_of, not_before, phone_of, refusal
from opv.distribution.by_link import given_by
from opv.distribution.waiting import ACCEPTING, OFFERED, POOL
from opv.house import House
from opv.links import Link, address_of
from schemas.client_message import WAYS, ClientMessage
from schemas.config import Person
from schemas.errors import NotYet, Park
from schemas.target import Message

AUTOMATION = "automation"
"""What a notice is of, when an automation tells it."""

POST = "post"
"""Kind of the message that an automation posts to another system."""

_OF_THE_CLIENT = ("client", FIELDS, "capture", "visit")
"""What is told to those alone who see the OPV."""


def notice_parts(
    tx: Connection, house: House, person: Person, opv: Any, body: Mapping[str, Any], now: datetime
) -> tuple[str, str]:
    """Subject and text of what an automation tells a person, `body` as stored.

    Raises `Park` `not_linked`: it speaks of the client, and the person does not see the OPV; `Reject` as
    `Template.render`."""
    name, title = _name(house, body["automation"]), _title(house, opv)
    subject, text = body.get("subject"), body.get("text")
    groups = _groups(one for one in (subject, text) if one is not None)
    if groups.intersection(_OF_THE_CLIENT) and not sees(Viewer(person.key, person.role), house, opv):
        raise Park("not_linked", "it speaks of the client, and the person does not see the OPV")
    values = values_of(tx, house, opv, groups)
    if LINK in groups and (link := _link(tx, house, opv, person.key, now)) is not None:
        values[LINK] = link
    stage = house.stages.get(opv.stage)
    default = f"{title} está na etapa {stage.name if stage else opv.stage}. Aviso da automação “{name}”."
    return (
        template_of(subject).render(values, one_line=True) if subject is not None else f"{title}: {name}",
        template_of(text).render(values) if text is not None else default,
    )


def client_message_to_send(
    tx: Connection, message: Message, target: str, opv: UUID, house: House, now: datetime
) -> Message:
    """The message with its body put together: a `ClientMessage` as JSON. `target`: what its target is.

    Raises `Park`: `opv_gone`, `wrong_target`, `no_consent`, `no_address`, `always_quiet`; `NotYet` in quiet hours;
    `Reject` as `Template.render`."""
    row, told = _opv(tx, opv), json.loads(message.body)
    client = main_clients(tx, [opv]).get(opv)
    if client is None or client.erased_at is not None:
        raise Park("opv_gone", "there is nobody to write to any more")
    if target not in WAYS:
        raise Park("wrong_target", f"a {target} writes to no client")
    refused = refusal(client, target)
    if refused is not None:
        raise Park(*refused)
    begins = now if told.get("at_once") else not_before(house, client, now)
    if begins is None:
        raise Park("always_quiet", "the quiet hours leave no time to write to the client")
    if begins > now:
        raise NotYet("quiet_hours", "nobody is written to at this hour", begins)
    subject, text, listed = told.get("subject"), told.get("text"), told.get("values", [])
    values = values_of(tx, house, row, _groups(one for one in (subject, text, *listed) if one is not None))
    company = house.configuration.company.name
    body = ClientMessage(
        automation=told["automation"], client=client.id, name=called(client), email=email_of(client, target),
        phone=phone_of(client, target),
        subject=company if subject is None else template_of(subject).render(values, one_line=True),
        text=None if text is None else template_of(text).render(values),
        template=told.get("template"), values=[template_of(one).render(values, one_line=True) for one in listed],
        opv=row.number, opv_id=opv, development=row.development, at=now,
    )  # fmt: skip
    return replace(message, body=body.model_dump_json())


def post_to_send(tx: Connection, message: Message, target: str, opv: UUID, house: House) -> Message:
    """The message with the body that the automation's templates give, as JSON. `target`: what its target is.

    Raises `Park`: `opv_gone`, `wrong_target`; `Reject` as `Template.render`."""
    if target != "webhook":
        raise Park("wrong_target", f"a {target} takes no body of ours")
    row, told = _opv(tx, opv), json.loads(message.body)
    values = values_of(tx, house, row, _groups(texts_in(told["body"])))
    body = filled(told["body"], lambda text: template_of(text).render(values))
    return replace(message, body=history.text_of(body))


def _groups(texts: Iterable[str]) -> frozenset[str]:
    """What the templates name."""
    return frozenset(group for text in texts for group in template_of(text).groups)


def _opv(tx: Connection, opv: UUID) -> Any:
    row = tx.execute(select(*Opportunity.__table__.columns).where(Opportunity.id == opv)).one_or_none()
    if row is None:
        raise Park("opv_gone", "there is nothing to tell any more")
    return row


def _link(tx: Connection, house: House, opv: Any, person: str, now: datetime) -> str | None:
    """By which the person accepts or claims the OPV, while there is something to accept or to claim."""
    w = DistributionWork
    listed = tx.execute(select(w.state, w.broker).where(w.opportunity_id == opv.id)).one_or_none()
    if listed is None:
        return None
    if listed.state == ACCEPTING and listed.broker == person:
        return address_of(house, "accept", Link(opv.id, person, given_by(tx, opv.id) or ""), now)
    if listed.state in (OFFERED, POOL):
        return address_of(house, "claim", Link(opv.id, person, str(opv.history_seq)), now)
    return None


def _name(house: House, key: str) -> str:
    checked = house.automations.get(key)
    written = checked.written if checked else None
    return (written.name if written else None) or key


def _title(house: House, opv: Any) -> str:
    development = house.catalog.developments.get(opv.development or "")
    return f"OPV {opv.number}" + (f" ({development.name})" if development else "")

"""What people are told of OPVs, put together when it goes out: the stored row holds no personal data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.models import CaptureOrigin, DistributionWork, HistoryEntry, Opportunity
from opv import history
from opv.access import sees_stage
from opv.automation.letters import AUTOMATION, notice_parts
from opv.clients.involved import involved_of
from opv.distribution.waiting import OFFERED
from opv.house import House
from opv.links import Deed, Link, address_of
from schemas.config import Person
from schemas.errors import Park
from schemas.notice import Notice
from schemas.target import Message

_BECAUSE = {
    "not_accepted": "o prazo para aceitar terminou",
    "refused": "o corretor recusou",
    "stage_expired": "o prazo na etapa terminou",
}
_WAYS = {
    "next": "vai para o próximo corretor",
    "manager": "fica com o gerente",
    "pool": "vai para o bolsão da fila",
    "alert": "continua com o corretor",
}


@dataclass(frozen=True, slots=True)
class _Told:
    """What a notice is about, as the writers of its parts see it."""

    tx: Connection
    house: House
    person: Person
    opv: Any
    body: Mapping[str, str]
    now: datetime

    @property
    def title(self) -> str:
        """The OPV, by number and development."""
        development = self.house.catalog.developments.get(self.opv.development or "")
        return f"OPV {self.opv.number}" + (f" ({development.name})" if development else "")

    def local(self, stamp: str) -> str:
        """A time as the person's clock shows it."""
        zone = self.house.duty.working_time(self.person.key).hours.calendar.zone
        return f"{datetime.fromisoformat(stamp).astimezone(zone):%d/%m às %H:%M}"

    def link(self, deed: Deed, occasion: str) -> str | None:
        """A link for the person, made now."""
        return address_of(self.house, deed, Link(self.opv.id, self.person.key, occasion), self.now)

    def fact(self) -> tuple[dict[str, Any], datetime]:
        """Data and time of the history entry that the notice tells of."""
        e = HistoryEntry
        seq = int(self.body["occasion"].rpartition(":")[2])
        row = self.tx.execute(select(e.data, e.at).where(e.opportunity_id == self.opv.id, e.seq == seq)).one()
        return json.loads(row.data), row.at

    def called(self, person: str | None) -> str:
        """The name of a person of the house."""
        found = self.house.roster.people.get(person or "")
        return found.name if found else person or "ninguém"


_Parts = tuple[str, list[str], str | None, datetime]
"""Subject, lines of text, link, and when it happened."""


def notice_to_send(tx: Connection, message: Message, opv: UUID, house: House, now: datetime) -> Message:
    """The message with its body put together: a `Notice` as JSON.

    Raises `Park`: `person_inactive`, `opv_gone`, `not_linked` (somebody else has the OPV by now), `not_offered`,
    `moved_on`."""
    person = house.roster.people.get(message.recipient)
    if person is None or not person.active:
        raise Park("person_inactive", "the person is not active any more")
    row = tx.execute(select(*Opportunity.__table__.columns).where(Opportunity.id == opv)).one_or_none()
    body = json.loads(message.body)
    write = _WRITERS.get(body.get("of"))
    if row is None or write is None:
        raise Park("opv_gone", "there is nothing to tell any more")
    subject, lines, url, at = write(_Told(tx, house, person, row, body, now))
    if url is not None:
        lines.append(url)
    notice = Notice(
        kind=body["of"], person=person.key, name=person.name, email=person.email, phone=_e164(person.phone),
        subject=subject, text="\n".join(lines), url=url, opv=row.number, opv_id=opv, development=row.development, at=at,
    )  # fmt: skip
    return replace(message, body=notice.model_dump_json())


def _assigned(told: _Told) -> _Parts:
    """To whom serves the OPV now: with the client, so to nobody else."""
    opv, key, until = told.opv, told.person.key, told.body.get("accept_until")
    part = told.body.get("part", "sales")
    serving = (opv.broker, opv.manager) if part == "sales" else (opv.presales_broker, opv.presales_manager)
    if key not in serving or opv.status != "open" or not sees_stage(told.person.role, told.house, opv.stage):
        raise Park("not_linked", "the OPV is not with this person any more")
    main = next((one for one in involved_of(told.tx, opv.id) if one.main), None)
    c = CaptureOrigin
    card = told.tx.execute(
        select(c.source, c.channel, c.campaign).where(c.opportunity_id == opv.id).order_by(c.seq.desc()).limit(1)
    ).first()
    lines = [f"{told.title} está com você." if serving[0] == key else f"{told.title} está com você, sem corretor."]
    if main is not None:
        name = main.details.social_name or main.name or "sem nome"
        lines.append(f"Cliente: {', '.join([name, *main.phones[:1], *main.emails[:1]])}")
    if card is not None:
        lines.append(f"Origem: {' / '.join(filter(None, (card.channel or card.source, card.campaign)))}")
    if until is None:
        return f"{told.title}: novo lead para você", lines, None, opv.assigned_at or told.now
    lines.append(f"Aceite até {told.local(until)}, ou o lead segue para outra pessoa.")
    url = told.link("accept", told.body["occasion"])
    return f"{told.title}: aceite até {told.local(until)}", lines, url, opv.assigned_at or told.now


def _offered(told: _Told) -> _Parts:
    """To all who may claim it: not whose lead it is."""
    data, at = told.fact()
    w = DistributionWork
    listed = told.tx.execute(select(w.state, w.queue).where(w.opportunity_id == told.opv.id)).one_or_none()
    if listed is None or (listed.state, listed.queue) != (OFFERED, data["queue"]):
        raise Park("not_offered", "somebody has the OPV already, or its offer is over")
    lines = [f"{told.title} está disponível até {told.local(data['until'])}.", "Quem pegar primeiro, atende."]
    return f"{told.title}: lead disponível", lines, told.link("claim", told.body["occasion"]), at


def _returned(told: _Told) -> _Parts:
    """To who let it go, and to the manager: where it goes."""
    data, at = told.fact()
    because, way = _BECAUSE.get(data["because"], data["because"]), data["otherwise"]
    goes = _WAYS.get(way) or f"vai para {told.called(way)}"
    if data["broker"] == told.person.key:
        line = f"{told.title} saiu da sua vez: {because}. O lead {goes}."
        return f"{told.title} voltou", [line if way != "alert" else f"{told.title}: {because}."], None, at
    lines = [f"{told.title} voltou de {told.called(data['broker'])}: {because}.", f"O lead {goes}."]
    return f"{told.title} voltou de {told.called(data['broker'])}", lines, None, at


def _unclaimed(told: _Told) -> _Parts:
    """To the manager of an OPV that nobody takes."""
    _, at = told.fact()
    return (
        f"{told.title}: ninguém pegou",
        [f"{told.title} foi oferecida e ninguém pegou. Ela está no bolsão."],
        None,
        at,
    )


def _sla_warned(told: _Told) -> _Parts:
    """To who serves it and the manager, as long as it has not moved on."""
    data, at = told.fact()
    if told.opv.status != "open" or told.opv.stage_seq != data["since"]:
        raise Park("moved_on", "the OPV is not in that stage any more")
    stage = told.house.stages.get(data["stage"])
    name = stage.name if stage else data["stage"]
    return f"{told.title}: parada em {name}", [f"{told.title} está há tempo demais na etapa {name}."], None, at


def _by_automation(told: _Told) -> _Parts:
    """What an automation of the file says; of the client to those alone who see the OPV."""
    subject, text = notice_parts(told.tx, told.house, told.person, told.opv, told.body, told.now)
    return subject, [text], None, told.now


_WRITERS: Mapping[str | None, Callable[[_Told], _Parts]] = {
    history.ASSIGNED: _assigned,
    history.OFFERED: _offered,
    history.RETURNED: _returned,
    history.UNDISTRIBUTED: _unclaimed,
    history.SLA_WARNED: _sla_warned,
    AUTOMATION: _by_automation,
}


def _e164(phone: str | None) -> str | None:
    """The person's phone as the configuration has it, without the marks that people write between digits."""
    return None if phone is None else "+" * phone.startswith("+") + "".join(filter(str.isdigit, phone))

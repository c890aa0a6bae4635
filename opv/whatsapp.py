"""The WhatsApp shortcut: a link with the house's greeting, or a conversation in Conecta.

Three steps, so that no transaction is open while Conecta is asked: what is to be opened is read (`conversation`), then
opened (`Conversation.open`), then noted (`note_opened`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import Connection, select

from db.models import Base
from opv import history
from opv.access import Viewer
from opv.actions import Acting
from opv.clients.involved import Involved, involved_of
from opv.clients.records import find_opv, unknown_client
from opv.house import House
from opv.normalize.phones import is_mobile
from schemas.config.record import PLACEHOLDER
from schemas.errors import PorteiroError, Reject
from schemas.target import ConfiguredTarget, Message, Target

By = Literal["wa.me", "web", "conecta"]

KIND = "whatsapp"
"""Kind of the message that opens a conversation in Conecta."""

_CLAUSE = re.compile(r"([^,.!?;:\n]*)([,.!?;:\n]*)")
_WEAK = frozenset(",;:")
"""Marks that lead from one part of a sentence to the next."""

_OPVS = Base.metadata.tables["opportunities"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation to open. `phone` is E.164; `target` is Conecta as configured, if it is opened there; `key` is the
    same until something else happens to the OPV."""

    opv: UUID
    number: int
    client: UUID
    name: str | None
    person: str
    phone: str
    text: str
    by: By
    key: str
    target: ConfiguredTarget | None = None

    def open(self, targets: Mapping[str, Target]) -> str:
        """The address where it goes on. Raises `Reject` `conecta_failed` (502): then nothing was opened, as far as is
        known, and asking again opens no second one."""
        if self.by != "conecta":
            return self._link()
        target = targets.get(self.target.slug) if self.target else None
        if self.target is None or self.target.options is None or target is None:
            raise _failed("its target is not configured, or one of its variables is not set")
        body = history.text_of({
            "phone": self.phone, "name": self.name, "text": self.text, "opv": self.number, "client": str(self.client),
            "person": self.person,
        })  # fmt: skip
        try:
            answer = target.send(Message(self.key, KIND, self.target.key, body, options=self.target.options))
        except PorteiroError as error:
            raise _failed(error.detail) from None
        if answer is None or answer.url is None:
            raise _failed("it gave no address")
        return answer.url

    def _link(self) -> str:
        digits, text = self.phone.removeprefix("+"), quote(self.text, safe="")
        if self.by == "web":
            return f"https://web.whatsapp.com/send?phone={digits}" + (f"&text={text}" if text else "")
        return f"https://wa.me/{digits}" + (f"?text={text}" if text else "")


def conversation(
    tx: Connection, house: House, viewer: Viewer, ident: str, client: UUID | None, text: str | None
) -> Conversation:
    """The conversation with one of the OPV's clients (the main one, if none is named), with `text` or the greeting.

    Raises `Reject`: `unknown_opv`, `unknown_client`, `no_phone`, `whatsapp_unwanted`."""
    id_ = find_opv(tx, house, viewer, ident)
    names = ("number", "development", "history_seq")
    opv = tx.execute(select(*(_OPVS.c[name] for name in names)).where(_OPVS.c.id == id_)).one()
    involved = involved_of(tx, id_)
    one = next((one for one in involved if (one.main if client is None else one.id == client)), None)
    if one is None:
        raise unknown_client()
    phone = next(filter(is_mobile, one.phones), None)
    if phone is None:
        raise Reject("no_phone", "the client has no mobile phone", 409)
    if "whatsapp" in one.details.preferences.unwanted:
        raise Reject("whatsapp_unwanted", "the client does not want to be written to on WhatsApp", 409)
    setting = house.configuration.whatsapp
    said = text or greeting(setting.greeting, _values(house, viewer, one, opv.number, opv.development))
    target = house.targets.get(setting.target) if setting.target else None
    told = hashlib.sha256("\n".join((str(one.id), viewer.person, phone, said)).encode()).hexdigest()[:16]
    return Conversation(
        opv=id_, number=opv.number, client=one.id, name=_called(one), person=viewer.person, phone=phone, text=said,
        by="conecta" if setting.target else setting.address, target=target,
        key=f"{KIND}:{id_}:{opv.history_seq}:{told}",
    )  # fmt: skip


def note_opened(at: Acting, opened: Conversation) -> int:
    """Writes into the history that the conversation was opened; gives the entry's `seq`. That is no contact yet."""
    data = {"client": str(opened.client), "by": opened.by}
    if opened.target is not None:
        data["target"] = opened.target.key
    return at.batch.record(
        at.opv, history.WHATSAPP_OPENED, at.cause, data, {"phone": opened.phone, "text": opened.text}
    )


def greeting(template: str, values: Mapping[str, str | None]) -> str:
    """The template with its placeholders filled in. A part of a sentence, from one mark to the next, that holds one
    without value is left out, with the comma that leads to it or the mark that ends it."""
    parts: list[tuple[str, str]] = []
    for words, marks in _CLAUSE.findall(template):
        if all(values.get(name) for name in re.findall(PLACEHOLDER, words)):
            parts.append((words, marks))
        elif parts and parts[-1][1] and set(parts[-1][1]) <= _WEAK:
            parts[-1] = (parts[-1][0], marks)
    filled = "".join(re.sub(PLACEHOLDER, lambda found: values[found[1]] or "", words) + marks for words, marks in parts)
    tidy = re.sub(r"\n[ \t]+", "\n", filled).strip()
    return tidy if template.strip()[:1] == tidy[:1] else tidy[:1].upper() + tidy[1:]


def _values(house: House, viewer: Viewer, one: Involved, number: int, development: str | None) -> dict[str, str | None]:
    developments = {known.key: known.name for known in house.configuration.developments}
    return {
        "client": _called(one),
        "broker": house.roster.people[viewer.person].name,
        "company": house.configuration.company.name,
        "development": developments.get(development or ""),
        "opv": str(number),
    }


def _called(one: Involved) -> str | None:
    """What the person wants to be called."""
    return one.details.social_name or one.name


def _failed(why: str) -> Reject:
    return Reject("conecta_failed", f"the conversation could not be opened in Conecta: {why}", 502)

"""Blip: all that a bot handles, messages, events and contacts in any order, up to two hours late.

Nothing says which of them a body is: `type` is a message's, `category` an event's, `lastMessageDate` a contact's.
Nothing is signed; a header of our choice or the address carries the house's own secret. Many failures of one kind make
Blip hold that kind back for four hours, so what makes no lead is answered like a lead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Entrance,
    Fields,
    Lead,
    NotALead,
    Park,
    Read,
    ReadLead,
    Request,
    Sample,
    SentPhone,
    Source,
    house_secret,
    identifier,
    json_object,
    list_of,
    note_submitted_at,
)
from adapters.sources.form import Form

WHATSAPP = "wa.gw.msging.net"
TUNNEL = "tunnel.msging.net"
OWN = frozenset({"msging.net", "desk.msging.net", "blip.ai"})
"""Domains of bots, of the desk and of agents; a person's is the channel's."""

NOT_SAID = ("application/vnd.lime.chatstate", "application/vnd.lime.reaction", "application/vnd.iris.")
"""Starts of the types of messages in which nobody says anything: typing, reactions, tickets."""

NO_CONTACT = NotALead("ignored", "no_contact_yet", "neither a phone nor an e-mail of the person is known so far")


class Blip(Source):
    slug = "blip"
    title = "Blip (WhatsApp e chatbots)"
    documentation = "https://help.blip.ai/hc/en-us/articles/29187147295767-Webhook-Submission-Format"
    identity = (
        "A message: its id (WhatsApp's wamid). A contact has no id of the change: its identity, the day of its last "
        "message and what it says, so that one which says nothing new that day is a repeat."
    )
    namespace = "channel"
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({
        "type", "content.*", "id", "from", "to", "pp", "metadata.*", "category", "action", "contact.*", "event",
        "reason.*", "storageDate", "identity", "name", "phoneNumber", "cellPhoneNumber", "email",
        "taxDocument", "city", "source", "extras.*", "lastMessageDate", "lastUpdateDate", "gender", "timezone",
        "culture", "address", "group", "photoUri",
    })  # fmt: skip

    def __init__(self) -> None:
        self._form = Form()

    def verify(self, request: Request, entrance: Entrance) -> int:
        return house_secret(request, entrance)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        sent = json_object(request.body)
        if "category" in sent:
            return [NotALead("ignored", "bot_event", "an event that the bot tracks")]
        if "type" in sent:
            return [_message(Fields(sent), entrance)]
        if "lastMessageDate" in sent or "identity" in sent:
            return [self._contact(sent, entrance)]
        if "event" in sent:
            return [NotALead("ignored", "receipt", "says that a message was received or read")]
        if "sequentialId" in sent:
            return [NotALead("ignored", "ticket", "a ticket of the desk")]
        raise Park("unknown_kind", "neither a message nor an event nor a contact")

    def _contact(self, sent: dict[str, Any], entrance: Entrance) -> Read:
        body = Fields(sent)
        lead = self._form.read_fields(body.fields("extras").rest(), entrance).lead
        identity, moment = body.text("identity") or "", body.text("lastMessageDate") or ""
        phones = dict.fromkeys([*list_of(body.text("phoneNumber", "cellPhoneNumber")), *_whatsapp_number(identity)])
        lead.phones[:0] = [SentPhone(value=phone) for phone in phones]
        lead.emails[:0] = list_of(body.text("email"))
        if not lead.phones and not lead.emails:
            return NO_CONTACT
        lead.name = body.text("name") or lead.name
        lead.document = body.text("taxDocument") or lead.document
        lead.city = body.text("city") or lead.city
        lead.origin = body.text("source") or lead.origin
        note_submitted_at(lead, moment or None, entrance.timezone)
        body.drop("lastUpdateDate")
        lead.extra |= {"identity": identity, **body.rest()}
        return ReadLead(identifier(f"contact:{identity}:{moment[:10]}:{_digest(sent)}"), lead, conversation="message")

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        body: dict[str, Any] = {
            "identity": f"{person['phone'].removeprefix('+')}@{WHATSAPP}", "name": person["name"],
            "phoneNumber": person["phone"], "email": person["email"], "source": "WhatsApp",
            "lastMessageDate": "2026-09-21T14:58:00.000Z",
            "extras": {"empreendimento": "Residencial Jardim", "utm_source": "instagram", "protocolo": str(number)},
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "X-Lead-Key": entrance.secrets[0]}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}


def _message(body: Fields, entrance: Entrance) -> Read:
    number, kind = body.text("id"), body.text("type") or ""
    sender, bot, metadata = body.text("from") or "", body.text("to"), body.fields("metadata")
    if _domain(sender) in OWN:
        return NotALead("ignored", "not_from_the_contact", "a message of a bot or an agent")
    if kind.startswith(NOT_SAID):
        return NotALead("ignored", "nothing_said", "typing, a reaction or a ticket: no message of a person")
    # Behind a router of bots the sender is a tunnel, and the person stands in the metadata.
    identity = metadata.text("#tunnel.originator") if _domain(sender) == TUNNEL else sender
    phones = [SentPhone(value=phone) for phone in _whatsapp_number(identity or "")]
    if not phones:
        return NO_CONTACT
    plain, content = body.text("content"), body.fields("content")
    replied = content.fields("replied")
    said = plain or content.text("text", "title") or replied.text("value")
    replied.drop("type")
    lead = Lead(phones=phones, message=said, ad=_referral(metadata))
    note_submitted_at(lead, metadata.text("#envelope.storageDate", "#wa.timestamp"), entrance.timezone)
    about = {"identity": identity, "bot": bot, "type": kind, "content": content.rest(), "replied": replied.rest()}
    lead.extra = {**{name: value for name, value in about.items() if value}, **body.rest()}
    return ReadLead(identifier(f"message:{number}") if number else None, lead, conversation="message")


def _domain(address: str) -> str:
    """The domain of `name@domain/instance`."""
    return address.partition("@")[2].partition("/")[0].lower()


def _whatsapp_number(identity: str) -> list[str]:
    """The number that a WhatsApp identity begins with; a user name stands there in newer ones."""
    local = identity.partition("@")[0]
    is_number = _domain(identity) == WHATSAPP and local.isascii() and local.isdigit()
    return [f"+{local}"] if is_number else []


def _referral(metadata: Fields) -> dict[str, str]:
    """What a channel tells of the advertisement that brought the person (`#wa.referral.headline`)."""
    names = {name: name.partition(".referral.")[2] for name in metadata.rest()}
    return {names[name]: text for name, text in metadata.texts(*(n for n in names if names[n])).items()}


def _digest(sent: dict[str, Any]) -> str:
    """What a contact's record says, its dates aside."""
    said = {name: value for name, value in sent.items() if name not in ("lastMessageDate", "lastUpdateDate")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

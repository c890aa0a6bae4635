"""WhatsApp Cloud API: each message that a person sends to the house's number is a lead or goes into its history.

Up to 1,000 updates of several numbers may come in one POST, and a batch is repeated for up to 7 days until it gets
a 200, so each message is judged by itself. `referral` says which advertisement the message came from; WhatsApp puts
it on the first message alone, and only then is `Lead.ad` filled (an ad's message is a capture, never mere talk).
What the message holds is told in words, and kept as sent in `extra`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.sources.base import (
    MIB,
    Carrier,
    Entrance,
    Fields,
    Lead,
    NotALead,
    Park,
    Read,
    ReadLead,
    Reply,
    Request,
    Sample,
    SentPhone,
    Source,
    as_text,
    identifier,
    json_object,
    note_submitted_at,
)
from adapters.sources.meta_webhooks import challenge, signed_by

TEST_NUMBER_ID, TEST_SENDER = "123456123", "16315551181"
"""Ids of the sample that the App Dashboard's test button sends; there is no flag."""

NO_LEAD = ("reaction", "system", "edit", "revoke")
"""Types of messages with which a person says nothing new: reactions, notices of WhatsApp, changes of a message."""

WORDS = {
    "image": "Imagem", "video": "Vídeo", "audio": "Áudio", "document": "Documento", "sticker": "Figurinha",
    "location": "Localização", "contacts": "Contato", "order": "Pedido do catálogo", "interactive": "Escolheu",
    "button": "Escolheu", "request_welcome": "Abriu a conversa, ainda sem escrever",
    "unsupported": "Mensagem de um tipo que o WhatsApp não repassa",
}  # fmt: skip
"""Types of messages as brokers read them."""

AD_FIELDS = (
    "source_url", "source_type", "headline", "body", "media_type", "image_url", "video_url", "thumbnail_url", "ref",
)  # fmt: skip
AD_IDS = {"ad": "ad_id", "post": "post_id"}
ORIGINS = {"instagram.com": "instagram", "fb.me": "facebook", "facebook.com": "facebook", "fb.com": "facebook"}

_HOST = re.compile(r"https?://(?:[\w-]+\.)*?([\w-]+\.[a-z]+)(?:[/?#:]|$)", re.ASCII | re.IGNORECASE)
_LINK_CODE = re.compile(r"\[ref:\s*([\w.-]{1,60})\]", re.IGNORECASE)
"""The code that a site's `wa.me/?text=…` button writes into the person's first message."""

VALUE = (
    "messaging_product", "metadata.display_phone_number", "metadata.phone_number_id", "contacts[].wa_id",
    "contacts[].user_id", "contacts[].country_code", "contacts[].profile.*", "statuses[].*",
    "errors[].*", "message_echoes[].*",
)  # fmt: skip
MESSAGE = (
    "id", "from", "from_user_id", "to", "timestamp", "type", "context.*", "errors[].*", "text.body", "contacts[].*",
    *(f"{kind}.*" for kind in (*WORDS, *NO_LEAD)), *(f"referral.{name}" for name in AD_FIELDS),
    "referral.source_id", "referral.ctwa_clid", "referral.welcome_message.text",
)  # fmt: skip


class WhatsappOptions(BaseModel):
    """`verify_token` is what the app dashboard asks for at set-up. With `phone_number_ids`, messages to other numbers
    of the same app are ignored: they belong to another channel."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    verify_token: SecretStr = Field(min_length=1)
    phone_number_ids: tuple[str, ...] = ()


class WhatsappCloud(Source):
    slug = "whatsapp_cloud"
    title = "WhatsApp (Cloud API)"
    documentation = "https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview"
    identity = "messages[].id (wamid): one for each message, the same whenever WhatsApp repeats the batch it came in."
    options_model = WhatsappOptions
    carriers = (Carrier("query", "hub.verify_token"),)
    max_body = 4 * MIB
    has_handshake = True
    known_fields = frozenset({
        "object", "entry[].id", "entry[].time", "entry[].changes[].field",
        *(f"entry[].changes[].value.{name}" for name in VALUE),
        *(f"entry[].changes[].value.messages[].{name}" for name in MESSAGE),
    })  # fmt: skip

    def verify(self, request: Request, entrance: Entrance) -> int:
        return signed_by(request, entrance)

    def handshake(self, request: Request, entrance: Entrance) -> Reply:
        return challenge(request, _options(entrance).verify_token)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(json_object(request.body))
        if body.text("object") != "whatsapp_business_account":
            return [NotALead("ignored", "not_whatsapp", "a notification of another product than WhatsApp")]
        changes = [change for entry in map(Fields, body.items("entry")) for change in entry.items("changes")]
        reads = [read for change in map(Fields, changes) for read in _change(change, body.rest(), entrance)]
        if all(isinstance(read, NotALead) and read.reason == "unreadable" for read in reads):
            raise Park("nothing_readable", "no change of the notification could be read")
        return reads

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        phone = person["phone"].removeprefix("+")
        message = {
            "from": phone, "id": f"wamid.EXEMPLO{number:06d}", "timestamp": "1790000200", "type": "text",
            "text": {"body": "Olá! Quero saber o preço do 2 quartos"},
            "referral": {"source_url": "https://fb.me/exemplo1", "source_id": "120210000000000222", "source_type": "ad",
                         "headline": "Residencial Jardim", "ctwa_clid": f"ARexemplo{number:06d}"},
        }  # fmt: skip
        value = {
            "messaging_product": "whatsapp", "messages": [message],
            "metadata": {"display_phone_number": "553140000000", "phone_number_id": "210000000000001"},
            "contacts": [{"profile": {"name": person["name"]}, "wa_id": phone}],
        }  # fmt: skip
        entry = {"id": "320000000000001", "changes": [{"value": value, "field": "messages"}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        signature = hmac.new(entrance.secrets[0].encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}, body, {}


def _options(entrance: Entrance) -> WhatsappOptions:
    return cast(WhatsappOptions, entrance.options)


def _change(change: Fields, around: Mapping[str, Any], entrance: Entrance) -> Iterator[Read]:
    """One read for each message of a change, one for all its receipts together."""
    field, value = change.text("field"), change.fields("value")
    house = value.fields("metadata").texts("phone_number_id", "display_phone_number")
    number, wanted = house.get("phone_number_id"), _options(entrance).phone_number_ids
    if field is None or not value.rest():
        yield NotALead("ignored", "unreadable", "a change without a field or a value")
    elif field.endswith("message_echoes"):
        yield NotALead("ignored", "sent_by_the_house", "messages that the house sent from its own telephone")
    elif field != "messages":
        yield NotALead("ignored", "not_messages", "a change of another field than messages")
    elif number == TEST_NUMBER_ID:
        yield NotALead("test", "dashboard_test", "the test button of Meta's App Dashboard")
    elif wanted and number not in wanted:
        yield NotALead("ignored", "another_number", "a message to a number that is not this channel's")
    else:
        yield from _updates(value, {**around, **house}, entrance)


def _updates(value: Fields, around: Mapping[str, Any], entrance: Entrance) -> Iterator[Read]:
    messages, receipts = value.items("messages"), value.items("statuses")
    contacts = _by_id(value.items("contacts"))
    value.text("messaging_product")
    extra = {**around, **value.rest()}
    if receipts:
        yield NotALead("ignored", "status_update", f"{len(receipts)} receipts of messages that the house sent")
    for item in messages:
        yield _message(Fields(item), contacts, extra, entrance)
    if not messages and not receipts:
        yield NotALead("ignored", "no_message", "a change without messages, such as a notice of an error")


def _by_id(contacts: list[Any]) -> dict[str | None, Any]:
    """Contacts by number and by user id; the only one there is also by None, for a message that names neither."""
    found: dict[str | None, Any] = {}
    for contact in contacts:
        if isinstance(contact, dict):
            found |= {as_text(contact.get(name)): contact for name in ("user_id", "wa_id")}
    return {**found, None: contacts[0] if len(contacts) == 1 else None}


def _message(
    message: Fields, contacts: Mapping[str | None, Any], around: Mapping[str, Any], entrance: Entrance
) -> Read:
    key, kind, sender = identifier(message.take("id")), message.text("type"), message.text("from")
    if kind is None:
        return NotALead("ignored", "unreadable", "a message without a type", key)
    if kind in NO_LEAD:
        return NotALead("ignored", "nothing_said", f"a message of the type {kind}", key)
    if sender == TEST_SENDER:
        return NotALead("test", "dashboard_test", "a message of the sample person of Meta's App Dashboard", key)
    if sender is not None and sender == around.get("display_phone_number"):
        return NotALead("ignored", "sent_by_the_house", "a message that the house sent", key)
    user = message.text("from_user_id")
    contact = Fields(contacts.get(sender) or contacts.get(user) or contacts.get(None))
    profile, phone = contact.fields("profile"), contact.text("wa_id") or sender
    lead = Lead(name=profile.text("name"))
    if phone:
        # WhatsApp's numbers begin with the country's code; without a + a foreign one could pass for Brazilian.
        lead.phones = [SentPhone(value="+" + phone.removeprefix("+"))]
    note_submitted_at(lead, message.text("timestamp"), entrance.timezone)
    sent, context, referral = message.take(kind), message.fields("context"), message.fields("referral")
    lead.message = _words(kind, sent, lead)
    lead.listing = context.fields("referred_product").text("product_retailer_id")
    _take_advertisement(lead, referral)
    extra = {
        **around, **message.rest(), **contact.rest(), **profile.rest(), **referral.rest(), "from_user_id": user,
        "from": sender if sender != phone else None, "context": context.rest(),
        kind: None if kind == "text" and lead.message else sent,
    }  # fmt: skip
    lead.extra = {name: value for name, value in extra.items() if value not in (None, {}, [])}
    return ReadLead(key, lead, conversation="message")


def _take_advertisement(lead: Lead, referral: Fields) -> None:
    """Fills in the advertisement that the message came from, or the link of the house's own site."""
    ad, advert = referral.texts(*AD_FIELDS), referral.text("source_id")
    if advert:
        ad[AD_IDS.get(ad.get("source_type", ""), "source_id")] = advert
    click = referral.text("ctwa_clid")
    lead.click_ids = {"ctwa_clid": click} if click else {}
    # The headline is the only name of the advertisement that WhatsApp passes on.
    lead.campaign = ad.get("headline")
    host = _HOST.match(ad.get("source_url", ""))
    lead.origin = ORIGINS.get(host[1].lower()) if host else None
    code = _LINK_CODE.search(lead.message or "")
    if code:
        ad.setdefault("ref", code[1])
    lead.ad = ad


def _words(kind: str, sent: Any, lead: Lead) -> str | None:
    """What a message says, in words; the answers of a form within WhatsApp go into the lead's."""
    part = Fields(sent)
    if kind == "text":
        return part.text("body")
    said = [part.text("caption", "text", "filename")]
    if kind == "location":
        said = [part.text("name"), part.text("address"), _place(part)]
    elif kind == "contacts" and isinstance(sent, list):
        said = [text for contact in map(Fields, sent) for text in _shared(contact)]
    elif kind == "order":
        said += [item.text("product_retailer_id") for item in map(Fields, part.items("product_items"))]
    elif kind == "interactive":
        reply = part.fields(part.text("type") or "")
        said = [reply.text("title"), reply.text("description")]
        form = reply.text("response_json")
        if form is not None:
            lead.answers = _form_answers(form)
            return "Respondeu ao formulário"
    label = WORDS.get(kind, f"Mensagem do tipo {kind}")
    details = ", ".join(text for text in said if text)
    return f"{label}: {details}" if details else label


def _place(location: Fields) -> str | None:
    latitude, longitude = location.text("latitude"), location.text("longitude")
    return f"{latitude} {longitude}" if latitude and longitude else None


def _shared(contact: Fields) -> Iterator[str | None]:
    """Name and numbers of a contact that the person passed on, who is not the person."""
    yield contact.fields("name").text("formatted_name")
    for phone in map(Fields, contact.items("phones")):
        yield phone.text("phone", "wa_id")


def _form_answers(response: str) -> dict[str, Any]:
    try:
        answers = json_object(response.encode("utf-8", "surrogatepass"))
    except Park:
        return {}
    return {name: answer for name, answer in answers.items() if name != "flow_token"}

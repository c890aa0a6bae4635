"""HubSpot: an app's webhooks (a list of events that name contacts, which are fetched), and the webhook action of a
workflow (one whole contact in each request).

An app's requests carry signature v3, over method, public URL, raw body and time; older apps and workflows that are set
to sign have v1 or v2 alone. A workflow can have a key instead, which is the house's own secret. An app repeats an event
for a day after any 4xx or 5xx, so what is not wanted is accepted and ignored; a workflow never repeats after a 4xx.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Checked,
    Entrance,
    Fields,
    HttpClient,
    Lead,
    NotALead,
    Park,
    Pointer,
    Read,
    ReadLead,
    Recent,
    RecentPage,
    Request,
    Sample,
    SentPhone,
    Source,
    as_text,
    house_secret,
    identifier,
    joined_name,
    json_body,
    json_object,
    list_of,
    note_submitted_at,
)
from adapters.sources.bearer_api import get_with_token, post_with_token
from adapters.sources.signing import AddressedOptions, called_url, check_signature, check_time, sample_url

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
ASKED = (
    "firstname", "lastname", "email", "phone", "mobilephone", "hs_whatsapp_phone_number", "city", "state", "message",
    "createdate", "recent_conversion_date", "recent_conversion_event_name", "num_conversion_events",
    "hs_analytics_source", "hs_analytics_source_data_1", "hs_analytics_source_data_2", "hs_google_click_id",
    "hs_facebook_click_id", *UTM,
)  # fmt: skip
"""Properties of a contact that a lead is made of; HubSpot gives next to nothing unless asked."""
PHONES = ("phone", "mobilephone", "hs_whatsapp_phone_number")
CLICKS = {"hs_google_click_id": "gclid", "hs_facebook_click_id": "fbclid"}
CONVERTED = "recent_conversion_date"

MARKED = {"creation": "createdate", "conversion": CONVERTED}
"""The property that tells when it happened."""
AT_ONCE = 100

CONTACT = "0-1"
"""Number of the object type in `object.…` subscriptions."""
DECODED = {f"%{ord(sign):02X}": sign for sign in ":/?@!$'()*,;"}
"""Characters that HubSpot signs decoded in a URL that has them encoded."""
SAME_CONVERSION = timedelta(minutes=10)
MILLISECONDS = 0.001

_SYSTEM = (
    "hs_", "hubspot_", "num_", "notes_", "associatedcompany", "createdate", "lastmodifieddate", "lifecyclestage",
    "first_conversion_", "recent_conversion_", "currentlyinworkflow",
)  # fmt: skip
"""Beginnings of HubSpot's own properties; the others are the questions of the account's forms."""
_ID = re.compile(r"[0-9]{1,40}")
_ENCODED = re.compile("|".join(DECODED), re.IGNORECASE)


class HubSpotOptions(AddressedOptions):
    """`access_token` (scope `crm.objects.contacts.read`) reads contacts; a channel for a workflow's webhook needs
    none. `properties` are asked for besides the usual ones: the questions of your forms. `read_back` says which of the
    events that an app's webhooks tell of are looked for in the API as well, to find those that did not come."""

    access_token: SecretStr | None = Field(None, min_length=1)
    api_url: str = Field("https://api.hubapi.com", pattern=r"^https?://[^\s?#]+$")
    properties: tuple[str, ...] = ()
    read_back: tuple[Literal["creation", "conversion"], ...] = ()


class HubSpot(Source):
    slug = "hubspot"
    title = "HubSpot (app e workflow)"
    documentation = "https://developers.hubspot.com/docs/methods/workflows/webhook_information"
    identity = (
        "The contact's id, for its creation; with the time of the conversion, for each later one. HubSpot's eventId "
        "is not promised to be unique. Contact ids are of one account, so unique within the channel."
    )
    namespace = "channel"
    options_model = HubSpotOptions
    carriers = HOUSE_CARRIERS
    reads_back = True

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` gives seconds since 1970, to refuse signatures that are older than five minutes."""
        self._now = now

    def verify(self, request: Request, entrance: Entrance) -> int:
        headers, url = request.headers, called_url(request, entrance)
        if (signature := headers.get("x-hubspot-signature-v3")) is not None:
            sent = headers.get("x-hubspot-request-timestamp", "")
            places = {url, _ENCODED.sub(lambda found: DECODED[found[0].upper()], url)}
            texts = [f"{request.method}{place}".encode() + request.body + sent.encode() for place in places]
            index = check_signature([signature], entrance, lambda key: [_signed(key, text) for text in texts])
            check_time(sent, self._now(), MILLISECONDS)
            return index
        if (signature := headers.get("x-hubspot-signature")) is not None:
            texts = [request.body, f"{request.method}{url}".encode() + request.body]
            return check_signature([signature], entrance, lambda key: [_hashed(key, text) for text in texts])
        return house_secret(request, entrance)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = json_body(request.body)
        if isinstance(body, dict) and "subscriptionType" not in body:
            return [_record(body, entrance)]
        reads = [_event(event) for event in (body if isinstance(body, list) else [body])]
        if all(isinstance(read, NotALead) and read.reason == "event_unreadable" for read in reads):
            raise Park("nothing_readable", "no event of the notification could be read")
        return reads

    def fetch(self, pointer: Mapping[str, Any], entrance: Entrance, http: HttpClient) -> bytes:
        options = cast(HubSpotOptions, entrance.options)
        if options.access_token is None:
            raise Park("no_access_token", "set the channel's option access_token, then replay")
        url = f"{options.api_url.rstrip('/')}/crm/v3/objects/contacts/{pointer['contact']}"
        params = {"properties": ",".join((*ASKED, *options.properties))}
        return get_with_token(http, url, options.access_token, params=params)

    def read_fetched(self, pointer: Mapping[str, Any], answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        body = json_object(answer)
        _, told = _told(body)
        sent = as_text(pointer.get("converted")) or told.text("createdate") or as_text(pointer.get("occurredAt"))
        if "converted" in pointer and _made_the_contact(told):
            detail = "the conversion that made the contact: its creation is the lead"
            return NotALead("ignored", "first_conversion", detail)
        return ReadLead(as_text(pointer.get("key")), _lead(body, sent, entrance))

    def recent(self, entrance: Entrance, http: HttpClient, since: datetime, place: str | None) -> RecentPage:
        """A page of the contacts that were created or converted since; HubSpot gives 10,000 of one search. The place is
        its own cursor. https://developers.hubspot.com/docs/api-reference/search/guide"""
        options = cast(HubSpotOptions, entrance.options)
        if options.access_token is None or not options.read_back:
            raise Park("not_configured", "set the channel's options access_token and read_back, to read contacts back")
        begin = str(int(since.timestamp() * 1000))
        filters = [{"propertyName": MARKED[event], "operator": "GTE", "value": begin} for event in options.read_back]
        asked = {
            "filterGroups": [{"filters": [one]} for one in filters], "limit": AT_ONCE,
            "properties": [*ASKED, *options.properties], **({"after": place} if place else {}),
        }  # fmt: skip
        url = f"{options.api_url.rstrip('/')}/crm/v3/objects/contacts/search"
        body = Fields(json_object(post_with_token(http, url, options.access_token, json=asked)))
        leads = [lead for item in body.items("results") for lead in _happened(item, options.read_back, since)]
        return RecentPage(leads, body.fields("paging").fields("next").text("after"))

    def read_recent(self, answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        kept = Fields(json_object(answer))
        return self.read_fetched(kept.fields("pointer").rest(), json.dumps(kept.take("contact")).encode(), entrance)

    def check(self, entrance: Entrance, http: HttpClient) -> Sequence[Checked]:
        """A private app's token does not end; whether it reads contacts can be tried."""
        options = cast(HubSpotOptions, entrance.options)
        if options.access_token is None:
            return ()
        url = f"{options.api_url.rstrip('/')}/crm/v3/objects/contacts"
        get_with_token(http, url, options.access_token, params={"limit": "1"})
        return [Checked("token", True, "the access token reads contacts")]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        contact, sent = str(number), str(int(self._now() * 1000))
        event = {
            "appId": 1001, "eventId": number, "subscriptionId": 120, "portalId": 62515, "occurredAt": int(sent),
            "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": number, "changeSource": "FORM",
            "changeFlag": "NEW",
        }  # fmt: skip
        body = json.dumps([event]).encode()
        first, _, last = person["name"].partition(" ")
        properties = {
            "firstname": first, "lastname": last, "email": person["email"], "phone": person["phone"],
            "createdate": "2026-09-21T14:20:00Z", "hs_analytics_source": "PAID_SOCIAL",
            "recent_conversion_event_name": "Página Jardim: formulário", "utm_campaign": "lancamento-jardim",
        }  # fmt: skip
        answer = {"id": contact, "properties": properties, "archived": False}
        text = f"POST{sample_url(entrance)}".encode() + body + sent.encode()
        headers = {
            "Content-Type": "application/json", "X-HubSpot-Request-Timestamp": sent,
            "X-HubSpot-Signature-v3": _signed(entrance.secrets[0], text),
        }  # fmt: skip
        return headers, body, {contact: json.dumps(answer).encode()}


def _signed(key: str, text: bytes) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text, "sha256")).decode()


def _hashed(key: str, text: bytes) -> str:
    return hashlib.sha256(key.encode() + text).hexdigest()


def _moment(sent: str | None) -> datetime | None:
    """ISO 8601 or milliseconds, as the API and the webhooks write a time."""
    lead = Lead()
    note_submitted_at(lead, sent, ZoneInfo("UTC"))
    return lead.submitted_at


def _event(event: Any) -> Pointer | NotALead:
    """What one event of an app's notification asks for."""
    fields = Fields(event)
    kind, contact = fields.text("subscriptionType") or "", fields.text("objectId") or ""
    thing, _, happened = kind.partition(".")
    if thing != "contact" and not (thing == "object" and fields.text("objectTypeId") == CONTACT):
        reason = "not_a_contact" if kind else "event_unreadable"
        return NotALead("ignored", reason, "an event of something else than a contact")
    if not _ID.fullmatch(contact):  # it becomes a part of a URL
        return NotALead("ignored", "event_unreadable", "an event without a readable objectId")
    if happened in ("deletion", "privacyDeletion"):
        detail = f"HubSpot deleted contact {contact}, perhaps at the person's wish: see whether to erase it here"
        return NotALead("ignored", "deleted_by_platform", detail)
    data = {"contact": contact, **fields.texts("portalId", "occurredAt")}
    converted = fields.text("propertyValue") if fields.text("propertyName") == CONVERTED else None
    if happened == "propertyChange" and converted:
        key = _conversion(contact, converted)
        return Pointer(key, {**data, "key": key, "converted": converted})
    if happened == "creation":
        return Pointer(contact, {**data, "key": contact})
    return NotALead("ignored", "not_a_lead_event", "neither a new contact nor a conversion")


def _conversion(contact: str, sent: str) -> str:
    """Key of a conversion, the same however its time is written."""
    moment = _moment(sent)
    return f"{contact}:{round(moment.timestamp() * 1000) if moment else identifier(sent)}"


def _happened(item: Any, events: Sequence[str], since: datetime) -> Iterator[Recent]:
    """The creation and the newest conversion of a contact, as the webhooks would have told of them."""
    own, told = _told(item if isinstance(item, dict) else {})
    contact = own.text("id") or ""
    if not _ID.fullmatch(contact):
        return
    created, converted = told.text("createdate"), told.text(CONVERTED)
    pointers = [{"contact": contact, "key": contact}] if "creation" in events else []
    if "conversion" in events and converted and not _made_the_contact(_told(item)[1]):
        pointers.append({"contact": contact, "key": _conversion(contact, converted), "converted": converted})
    for pointer in pointers:
        at = _moment(converted if "converted" in pointer else created)
        if at is None or at >= since:
            yield Recent(pointer["key"], json.dumps({"pointer": pointer, "contact": item}).encode(), at)


def _made_the_contact(told: Fields) -> bool:
    """Whether a contact's newest conversion is the one it came from."""
    created, converted = _moment(told.text("createdate")), _moment(told.text(CONVERTED))
    if created is None or converted is None or told.text("num_conversion_events") != "1":
        return False
    return abs(converted - created) < SAME_CONVERSION


def _record(body: dict[str, Any], entrance: Entrance) -> ReadLead:
    """The lead of a workflow's request. It has no id of its own; a contact that changed and is enrolled again is
    another submission."""
    own, told = _told(body)
    contact = own.text("id", "vid") or told.text("hs_object_id")
    converted, changed = told.text(CONVERTED), told.text("lastmodifieddate")
    marked = converted or changed
    key = _conversion(contact, marked) if contact and marked else None
    return ReadLead(identifier(key), _lead(body, converted or told.text("createdate"), entrance))


def _told(body: dict[str, Any]) -> tuple[Fields, Fields]:
    """What stands around a contact's properties, and the properties: `name: value`, the older `name: {value: …}`, or
    flat in the body itself, as a workflow's own choice of properties is."""
    own = Fields(body)
    nested = own.fields("properties").rest()
    if not nested:
        return own, own
    return own, Fields({k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in nested.items()})


def _lead(body: dict[str, Any], sent: str | None, entrance: Entrance) -> Lead:
    own, told = _told(body)
    own.drop("id", "vid", "createdAt", "updatedAt", "archived")
    lead = Lead(
        name=joined_name(told.text("firstname"), told.text("lastname")),
        phones=[SentPhone(value=value) for value in dict.fromkeys(told.texts(*PHONES).values())],
        emails=list_of(told.text("email")),
        message=told.text("message"),
        origin=told.text("hs_analytics_source"),
        city=told.text("city"),
        state=told.text("state"),
        utm={name.removeprefix("utm_"): text for name, text in told.texts(*UTM).items()},
        click_ids={CLICKS[name]: text for name, text in told.texts(*CLICKS).items()},
    )
    lead.ad = {"form_name": form} if (form := told.text("recent_conversion_event_name")) else {}
    note_submitted_at(lead, sent, entrance.timezone)
    rest, around = told.rest(), own.rest() if own is not told else {}
    lead.answers = {name: value for name, value in rest.items() if not name.startswith(_SYSTEM)}
    lead.extra = {**around, **{name: value for name, value in rest.items() if name.startswith(_SYSTEM)}}
    return lead

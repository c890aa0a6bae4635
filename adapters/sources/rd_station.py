"""RD Station Marketing: conversions, in the classic format (`leads`) and in that of webhooks made by API (`contact`).

Nothing is signed, so the house's own secret travels. Neither a retry policy nor a delivery id is documented. `uuid`
is the contact, who converts many times; a conversion is told by its time and its form. What was typed now
(`last_conversion.content`) counts before the contact's record, which may be years old.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
    add_answer,
    as_text,
    house_secret,
    identifier,
    json_object,
    list_of,
    note_submitted_at,
    take_questions,
)
from adapters.sources.form_keys import PERSON, KeyTable, Leaf

TAKEN = PERSON | {"message", "development", "listing", "city", "state", "broker"}
"""Fields of a lead that a form's question can fill; `campaign` and the like are RD Station's to say."""

CONTACT = (
    "uuid", "email", "name", "job_title", "bio", "website", "personal_phone", "mobile_phone", "city", "state",
    "facebook", "linkedin", "twitter", "tags",
)  # fmt: skip
CLASSIC = (
    *CONTACT, "id", "company", "created_at", "opportunity", "number_conversions", "user", "first_conversion.*",
    "last_conversion.content.*", "last_conversion.created_at", "last_conversion.cumulative_sum",
    "last_conversion.source", "last_conversion.conversion_origin.*", "custom_fields.*", "lead_stage", "fit_score",
    "interest", "public_url", "last_marked_opportunity_date", "extra_emails", "birthday",
)  # fmt: skip
EVENT = ("event_type", "entity_type", "event_identifier", "timestamp", "event_timestamp")


class RdStation(Source):
    slug = "rd_station"
    title = "RD Station Marketing"
    documentation = "https://developers.rdstation.com/reference/webhooks-payload-copy"
    identity = (
        "The contact's uuid with the conversion's time and form (or event): there is no id of a conversion, and these "
        "are facts of it. Without a time nothing tells two apart: the content within 10 minutes."
    )
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({
        *(f"leads[].{name}" for name in CLASSIC), *EVENT, *(f"contact.{name}" for name in CONTACT),
        "contact.legal_bases[].category", "contact.legal_bases[].type", "contact.legal_bases[].status",
        "contact.company.name", "contact.funnel.*", "contact.cf_*",
    })  # fmt: skip

    def __init__(self) -> None:
        self._table = KeyTable()

    def verify(self, request: Request, entrance: Entrance) -> int:
        return house_secret(request, entrance)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = json_object(request.body)
        around, leads = Fields(body), body.get("leads")
        if isinstance(leads, list):
            around.items("leads")
            return [self._classic(item, around, entrance) for item in leads]
        if isinstance(body.get("contact"), dict):
            return [self._event(around, entrance)]
        if (as_text(body.get("event_name")) or "").startswith("crm_"):
            raise Park("crm_webhook", "a deal of RD Station CRM: this source reads RD Station Marketing's webhooks")
        raise Park("no_leads", "the body holds neither `leads` nor a `contact`")

    def _classic(self, item: Any, around: Fields, entrance: Entrance) -> Read:
        if not isinstance(item, dict):
            return NotALead("ignored", "not_an_object", "an item of `leads` is no object with fields")
        person = Fields(item)
        last = person.fields("last_conversion")
        content, origin = last.fields("content"), last.fields("conversion_origin")
        form, when = content.text("identificador"), last.text("created_at")
        lead = Lead(campaign=origin.text("campaign"), medium=origin.text("medium"))
        # A visitor's cookie that RD Station did not decode comes as `encoded_<base64>`: kept, but no origin.
        if not (as_text(origin.rest().get("source")) or "").startswith("encoded_"):
            lead.origin = origin.text("source")
        asked, custom = content.rest(), person.fields("custom_fields").rest()
        self._take(lead, {**{name: value for name, value in custom.items() if name not in asked}, **asked})
        extra = {
            **around.rest(), **_older(lead, person), **last.rest(), "conversion_origin": origin.rest(),
            "custom_fields": {name: custom[name] for name in custom if asked.get(name, custom[name]) != custom[name]},
        }  # fmt: skip
        uuid = person.text("uuid", "id")
        return _read(lead, (uuid, when, form), {**extra, **person.rest()}, entrance)

    def _event(self, body: Fields, entrance: Entrance) -> Read:
        person = body.fields("contact")
        funnel = person.fields("funnel")
        # `Busca Paga | Google`: the channel, then where within it.
        medium, _, origin = (funnel.text("origin") or "").rpartition(" | ")
        lead = Lead(medium=medium or None, origin=origin or None)
        self._take(lead, {name: person.take(name) for name in person.rest() if name.startswith("cf_")})
        lead.consent = list(_consent(person.items("legal_bases")))
        uuid, when, form = person.text("uuid"), body.text("event_timestamp"), body.text("event_identifier")
        extra = {**_older(lead, person), **body.rest(), **person.rest()}
        return _read(lead, (uuid, when, form), {**extra, "funnel": funnel.rest()}, entrance)

    def _take(self, lead: Lead, answers: Mapping[str, Any]) -> None:
        """Puts a form's answers where they belong, whatever the house called its fields."""
        known: dict[str, str] = {}
        questions: list[tuple[str, list[str]]] = []
        for name, value in answers.items():
            values = value if isinstance(value, list) else [value]
            if any(isinstance(one, dict | list) for one in values):
                add_answer(lead, name, value)
                continue
            meaning = self._table.meaning(Leaf((name.removeprefix("cf_"),), (), value))
            if meaning and meaning[0] in TAKEN:
                known[name.strip().lower()] = meaning[0]
            questions.append((name, [text for one in values if (text := as_text(one)) is not None]))
        take_questions(lead, questions, known)

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        content = {
            "identificador": "lp-jardim-exemplo", "nome": person["name"], "email_lead": person["email"],
            "telefone": person["phone"].removeprefix("+55"), "Empreendimento": "Residencial Jardim", "quartos": "2",
        }  # fmt: skip
        origin = {"source": "facebook", "medium": "cpc", "campaign": "lancamento-jardim", "channel": "Paid Social"}
        last = {"content": content, "created_at": "2026-09-21T11:55:00-03:00", "conversion_origin": origin}
        lead = {
            "id": str(number), "uuid": f"00000000-0000-4000-8000-{number:012d}", "name": person["name"],
            "email": person["email"], "number_conversions": "1", "last_conversion": last, "lead_stage": "Lead",
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "X-Lead-Key": entrance.secrets[0]}
        return headers, json.dumps({"leads": [lead]}, ensure_ascii=False).encode(), {}


def _older(lead: Lead, person: Fields) -> dict[str, Any]:
    """Fills what the form did not ask from the contact's record; gives what the record says otherwise."""
    emails, phones = list_of(person.text("email")), list(person.texts("mobile_phone", "personal_phone").values())
    older: dict[str, Any] = {
        "email": [email for email in emails if lead.emails and email not in lead.emails],
        "phone": [phone for phone in phones if lead.phones and SentPhone(value=phone) not in lead.phones],
    }
    lead.emails = lead.emails or emails
    lead.phones = lead.phones or [SentPhone(value=phone) for phone in phones]
    for field in ("name", "city", "state"):
        value = person.text(field)
        if getattr(lead, field) is None:
            setattr(lead, field, value)
        elif value != getattr(lead, field):
            older[field] = value
    return older


def _read(lead: Lead, of: tuple[str | None, ...], extra: dict[str, Any], entrance: Entrance) -> ReadLead:
    """The conversion of these contact, time and form."""
    uuid, when, form = of
    note_submitted_at(lead, when, entrance.timezone)
    lead.ad = {"form_id": form} if form else {}
    lead.extra = {name: value for name, value in extra.items() if value not in (None, [], {})}
    return ReadLead(identifier(f"{uuid}|{when}|{form or ''}") if uuid and when else None, lead)


def _consent(items: list[Any]) -> Iterator[dict[str, Any]]:
    for item in map(Fields, items):
        category, status = item.text("category"), item.text("status")
        if category:
            yield {"key": category, "granted": (status or "").lower() == "granted", **item.rest()}

"""Meta Lead Ads (Facebook and Instagram instant forms): the webhook holds ids alone, the lead is fetched.

Up to 1,000 changes of several pages may come in one POST, so each change is judged by itself. The signature is
over the raw body. A fetch can fail at first (100/33) and succeed minutes later. Forms give their leads of the past 90
days back.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from adapters.sources.base import (
    Carrier,
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
    Reply,
    Request,
    Sample,
    Source,
    as_text,
    identifier,
    is_true,
    json_object,
    note_submitted_at,
    sent_at,
    take_questions,
)
from adapters.sources.meta_graph import Graph, following, items
from adapters.sources.meta_webhooks import challenge, signed_by

ASKED = (
    "id,created_time,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,form_id,is_organic,platform,"
    "partner_name,retailer_item_id,field_data,custom_disclaimer_responses,home_listing"
)
"""Fields of a lead; Graph gives next to nothing unless asked."""

KNOWN = {
    "full_name": "name", "name": "name", "nome": "name", "nome_completo": "name", "first_name": "first_name",
    "last_name": "last_name", "sobrenome": "last_name", "email": "email", "e-mail": "email", "work_email": "email",
    "phone_number": "phone", "phone": "phone", "work_phone_number": "phone", "telefone": "phone", "celular": "phone",
    "whatsapp": "phone", "id_cpf": "document", "cpf": "document", "city": "city", "cidade": "city", "state": "state",
    "province": "state", "estado": "state",
}  # fmt: skip
"""Standard questions, and what authors of forms in Portuguese call their own."""
ORIGINS = {"fb": "facebook", "ig": "instagram"}
AD_FIELDS = ("ad_id", "ad_name", "adset_id", "adset_name", "campaign_id", "form_id")

DASHBOARD_LEAD = "444444444444"
"""Lead id of the App Dashboard's test button, which has no lead behind it; its page id is 0."""
TEST_TEXT = "<test lead:"
TEST_EMAILS = ("test@meta.com", "test@fb.com")
"""What the Lead Ads Testing Tool fills in; there is no flag."""

_LEAD_ID = re.compile(r"[0-9]{1,40}")

LEADS_AT_ONCE = 100


GraphId = Annotated[str, BeforeValidator(as_text), Field(pattern=r"^[0-9]{1,40}$")]
"""An id of Graph's, which becomes a part of a URL that carries the token; YAML may have read it as a number."""


class MetaOptions(BaseModel):
    """`verify_token` is what the app dashboard asks for at set-up; `page_token` reads leads (a page's or a system
    user's). `appsecret_proof` is for apps that require one. Leads are read back, to find those that the webhook did not
    bring, from `forms`, else from all forms of the page `page_id`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify_token: SecretStr = Field(min_length=1)
    page_token: SecretStr = Field(min_length=1)
    api_url: str = Field("https://graph.facebook.com/v25.0", pattern=r"^https?://[^\s?#]+$")
    appsecret_proof: bool = False
    page_id: GraphId | None = None
    forms: tuple[GraphId, ...] = ()


class MetaLeadAds(Source):
    slug = "meta_lead_ads"
    title = "Meta Lead Ads (Facebook e Instagram)"
    documentation = "https://developers.facebook.com/docs/graph-api/webhooks/getting-started/webhooks-for-leadgen"
    identity = "leadgen_id: one for each submission over all pages; Meta repeats deliveries for up to 36 hours."
    options_model = MetaOptions
    carriers = (Carrier("query", "hub.verify_token"),)
    known_fields = frozenset({
        "object", "entry[].id", "entry[].time", "entry[].messaging.*", "entry[].standby.*", "entry[].changes[].field",
        *(f"entry[].changes[].value.{name}" for name in (
            "leadgen_id", "page_id", "form_id", "ad_id", "adgroup_id", "created_time",
        )),
    })  # fmt: skip
    has_handshake = True
    reads_back = True

    def verify(self, request: Request, entrance: Entrance) -> int:
        return signed_by(request, entrance)

    def handshake(self, request: Request, entrance: Entrance) -> Reply:
        return challenge(request, _options(entrance).verify_token)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = json_object(request.body)
        if body.get("object") != "page":
            return [NotALead("ignored", "not_a_page", "a notification of another product than pages")]
        entries = body.get("entry")
        reads = [read for entry in entries for read in _entry(entry)] if isinstance(entries, list) else []
        if all(isinstance(read, NotALead) and read.reason == "change_unreadable" for read in reads):
            raise Park("nothing_readable", "no entry of the notification could be read")
        return reads

    def fetch(self, pointer: Mapping[str, Any], entrance: Entrance, http: HttpClient) -> bytes:
        return _graph(entrance, http).get(pointer["leadgen_id"], fields=ASKED)

    def recent(self, entrance: Entrance, http: HttpClient, since: datetime, place: str | None) -> RecentPage:
        """One page of one form. The place is what is left: the forms, and the cursor within the first of them."""
        graph, options = _graph(entrance, http), _options(entrance)
        if place is not None:
            forms, after = json.loads(place)
        elif options.forms or options.page_id:
            forms, after = list(options.forms) or graph.forms_of(options.page_id or ""), None
        else:
            raise Park("not_configured", "set the channel's option page_id or forms, so that leads can be read back")
        if not forms:
            return RecentPage(())
        newer = {"field": "time_created", "operator": "GREATER_THAN", "value": int(since.timestamp()) - 1}
        params = {"fields": ASKED, "limit": str(LEADS_AT_ONCE), "filtering": json.dumps([newer])}
        body = json_object(graph.get(f"{forms[0]}/leads", **params, **({"after": after} if after else {})))
        leads = [
            Recent(key, json.dumps(item).encode(), sent_at(as_text(item.get("created_time")), entrance.timezone))
            for item in items(body)
            if (key := identifier(item.get("id"))) is not None
        ]
        after = following(body)
        left = forms if after is not None else forms[1:]
        # The filter is said to be ignored now and then.
        newer_leads = [one for one in leads if one.submitted_at is None or one.submitted_at >= since]
        return RecentPage(newer_leads, json.dumps([left, after]) if left else None)

    def read_recent(self, answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        return self.read_fetched({"leadgen_id": json_object(answer).get("id")}, answer, entrance)

    def check(self, entrance: Entrance, http: HttpClient) -> Sequence[Checked]:
        return list(_graph(entrance, http).check(_options(entrance).page_id))

    def read_fetched(self, pointer: Mapping[str, Any], answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        body = Fields(json_object(answer))
        questions = list(_questions(body.items("field_data")))
        if any(_is_test(value) for _, values in questions for value in values):
            return NotALead("test", "testing_tool", "a lead of Meta's Lead Ads Testing Tool")
        lead = Lead(
            campaign=body.text("campaign_name"),
            listing=body.text("home_listing"),
            ad={**_texts(pointer, "form_id", "page_id", "ad_id"), **body.texts(*AD_FIELDS)},
        )
        home = body.fields("home_listing")
        lead.listing = lead.listing or home.text("id") or home.text("name")
        take_questions(lead, questions, KNOWN)
        platform = body.text("platform")
        lead.origin = ORIGINS.get((platform or "").lower())
        lead.consent = list(_consent(body.items("custom_disclaimer_responses")))
        sent = body.text("created_time") or as_text(pointer.get("created_time"))
        note_submitted_at(lead, sent, entrance.timezone)
        body.text("id")
        lead.extra = {**body.rest(), **({"home_listing": home.rest()} if home.rest() else {})}
        if platform and lead.origin is None:
            lead.extra["platform"] = platform
        return ReadLead(identifier(pointer.get("leadgen_id")), lead)

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        lead_id, page, form = f"12{number:014d}", "104857600000001", "2233445566778899"
        value = {"leadgen_id": lead_id, "page_id": page, "form_id": form, "ad_id": "120210000000000111",
                 "adgroup_id": "120210000000000111", "created_time": 1790000120}  # fmt: skip
        changes = [{"field": "leadgen", "value": value}]
        body = json.dumps({"object": "page", "entry": [{"id": page, "time": 1790000123, "changes": changes}]}).encode()
        answers = {"full_name": person["name"], "email": person["email"], "phone_number": person["phone"],
                   "quantos_quartos_você_procura?": "2_quartos", "utm_campaign": "lancamento-jardim"}  # fmt: skip
        lead = {
            "id": lead_id, "created_time": "2026-09-21T14:15:20+0000", "form_id": form, "is_organic": False,
            "ad_id": "120210000000000111", "ad_name": "Vídeo 2 quartos", "campaign_id": "120210000000000113",
            "campaign_name": "Lançamento Jardim", "platform": "ig", "home_listing": "AP-0101",
            "field_data": [{"name": name, "values": [value]} for name, value in answers.items()],
        }  # fmt: skip
        signature = hmac.new(entrance.secrets[0].encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
        return headers, body, {lead_id: json.dumps(lead).encode()}


def _options(entrance: Entrance) -> MetaOptions:
    return cast(MetaOptions, entrance.options)


def _graph(entrance: Entrance, http: HttpClient) -> Graph:
    options = _options(entrance)
    proof = next(filter(None, entrance.secrets), None) if options.appsecret_proof else None
    return Graph(http, options.api_url, options.page_token.get_secret_value(), proof)


def _entry(entry: Any) -> Iterator[Read]:
    """One read for each change of a page's entry; a page's other notifications (messages) have no changes."""
    if not isinstance(entry, dict):
        yield NotALead("ignored", "change_unreadable", "an entry is not an object")
        return
    changes = entry.get("changes")
    if not isinstance(changes, list):
        yield NotALead("ignored", "not_leadgen", "an entry without changes: a notification of another kind")
        return
    for change in changes:
        yield _change(as_text(entry.get("id")), change)


def _change(page: str | None, change: Any) -> Read:
    field = change.get("field") if isinstance(change, dict) else None
    if isinstance(field, str) and field != "leadgen":
        return NotALead("ignored", "not_leadgen", "a change of another field than leadgen")
    value = change.get("value") if field == "leadgen" else None
    if not isinstance(value, dict):
        return NotALead("ignored", "change_unreadable", "a change without a field or a value")
    lead_id = as_text(value.get("leadgen_id")) or ""
    if lead_id == DASHBOARD_LEAD or page == "0":
        return NotALead("test", "dashboard_test", "the test button of Meta's App Dashboard; there is no lead behind it")
    # The id becomes a part of a URL that carries the token, so it has to be what Meta's ids are: digits.
    if not _LEAD_ID.fullmatch(lead_id):
        return NotALead("ignored", "change_unreadable", "a leadgen change without a readable leadgen_id")
    ids = _texts({"page_id": page, **value}, "leadgen_id", "form_id", "page_id", "created_time")
    # `adgroup_id` is the older name of `ad_id`; organic leads have neither, or 0.
    ad = next((a for name in ("ad_id", "adgroup_id") for a in _texts(value, name).values() if a != "0"), None)
    return Pointer(lead_id, {**ids, "ad_id": ad} if ad else ids)


def _texts(value: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Ids by name, those that are there."""
    return {name: text for name in names if (text := identifier(value.get(name))) is not None}


def _questions(items: list[Any]) -> Iterator[tuple[str, list[str]]]:
    for item in map(Fields, items):
        name, values = item.text("name"), item.items("values")
        texts = [text for value in values if (text := as_text(value)) is not None]
        if name and texts:
            yield name, texts


def _is_test(value: str) -> bool:
    folded = value.strip().lower()
    return folded.startswith(TEST_TEXT) or folded in TEST_EMAILS


def _consent(items: list[Any]) -> Iterator[dict[str, Any]]:
    """`is_checked` is text: "1", or nothing for a box left open."""
    for item in map(Fields, items):
        key = item.text("checkbox_key")
        if key:
            yield {"key": key, "granted": is_true(item.text("is_checked"))}

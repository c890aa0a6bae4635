"""Meta Lead Ads (Facebook and Instagram instant forms): the webhook holds ids alone, the lead is fetched.

Up to 1,000 changes of several pages may come in one POST, so each change is judged by itself. The signature is
over the raw body. A fetch can fail at first (100/33) and succeed minutes later. Graph's error messages can quote
the access token; only their numbers are passed on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.sources.base import (
    Carrier,
    Entrance,
    Fields,
    HttpClient,
    Lead,
    NotALead,
    Park,
    Pointer,
    Read,
    ReadLead,
    Reply,
    Request,
    Retry,
    Sample,
    Source,
    as_text,
    identifier,
    is_true,
    json_object,
    note_submitted_at,
    take_questions,
)
from adapters.sources.meta_webhooks import challenge, signed_by
from schemas.source import HttpAnswer

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

NOT_YET, TOKEN, PERMISSION = "not_yet_readable", "token_expired", "permission_missing"
LIMITED, DOWN = "rate_limited", "platform_error"
RETRIES: dict[int, tuple[str, str]] = {
    1: (DOWN, "Graph has a temporary fault"),
    2: (DOWN, "Graph has a temporary fault"),
    190: (TOKEN, "the page token is no longer valid: set a new one"),
    **dict.fromkeys((10, *range(200, 300)), (PERMISSION, "the page token lacks a permission (leads_retrieval, …)")),
    **dict.fromkeys((4, 17, 32, 613, 80005), (LIMITED, "Graph's rate limit is reached")),
}
"""Graph error codes after which a later try can succeed."""


class MetaOptions(BaseModel):
    """`verify_token` is what the app dashboard asks for at set-up; `page_token` reads leads (a page's or a system
    user's). `appsecret_proof` is for apps that require one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify_token: SecretStr = Field(min_length=1)
    page_token: SecretStr = Field(min_length=1)
    api_url: str = Field("https://graph.facebook.com/v25.0", pattern=r"^https?://[^\s?#]+$")
    appsecret_proof: bool = False


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
        options = _options(entrance)
        token = options.page_token.get_secret_value()
        params = {"fields": ASKED, "access_token": token}
        if options.appsecret_proof and entrance.secrets:
            secret = entrance.secrets[0].encode()
            params["appsecret_proof"] = hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()
        answer = http.get(f"{options.api_url.rstrip('/')}/{pointer['leadgen_id']}", params=params)
        if answer.status == 200:
            return answer.body
        raise _fault(answer)

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


def _fault(answer: HttpAnswer) -> Retry | Park:
    """What to do about an answer that holds no lead, by Graph's error code, else by the status."""
    try:
        error = json_object(answer.body).get("error")
    except Park:
        error = None
    fields = error if isinstance(error, dict) else {}
    code, subcode = fields.get("code"), fields.get("error_subcode")
    numbers = f"HTTP {answer.status}, code {code if isinstance(code, int) else '-'}"
    if code == 100 and subcode == 33:
        return Retry(NOT_YET, f"Meta does not show the lead yet, or not to this token ({numbers})")
    reason, words = RETRIES.get(code, ("", "")) if isinstance(code, int) else ("", "")
    if not reason and answer.status == 429:
        reason, words = LIMITED, "Graph's rate limit is reached"
    elif not reason and (answer.status < 400 or answer.status >= 500 or fields.get("is_transient") is True):
        reason, words = DOWN, "Graph has a fault"
    elif not reason and answer.status == 401:
        reason, words = TOKEN, "the page token is not accepted"
    if not reason:
        return Park("platform_refused", f"Meta refuses to give the lead ({numbers})")
    wait = answer.headers.get("retry-after", "")
    known = reason == LIMITED and wait.isascii() and wait.isdigit() and len(wait) < 6
    return Retry(reason, f"{words} ({numbers})", timedelta(seconds=int(wait)) if known else None)

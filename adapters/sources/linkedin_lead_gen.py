"""LinkedIn Lead Gen Forms (Lead Sync): one notification for each lead, which holds its id alone; the lead is fetched.

The challenge comes every two hours, and three failures block the webhook. Challenge and notification are signed with
the same secret, the notification behind the literal prefix `hmacsha256=`: a challenge that is no UUID gets no answer,
or anybody could have a forged notification signed here.
"""

from __future__ import annotations

import hmac
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.sources.base import (
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
    Reject,
    Reply,
    Request,
    Sample,
    Source,
    as_text,
    hmac_sha256_hex,
    identifier,
    is_true,
    json_object,
    list_of,
    note_submitted_at,
    sent_at,
    take_questions,
)
from adapters.sources.bearer_api import get_with_token

PREFIX = b"hmacsha256="
ASKED = (
    "ownerInfo,associatedEntityInfo,leadMetadataInfo,owner,leadType,versionedLeadGenFormUrn,id,submittedAt,testLead,"
    "formResponse,form:(hiddenFields,creationLocale,name,id,content)"
)
"""Fields of a lead; without `form` the answers have numbers for questions."""
TYPES = {"sponsoredAccount": ("SPONSORED",), "organization": ("COMPANY", "EVENT", "ORGANIZATION_PRODUCT")}
"""Types of leads by the kind of their owner."""
AT_ONCE = 50
KNOWN = {
    "first_name": "first_name", "last_name": "last_name", "email": "email", "work_email": "email",
    "phone_number": "phone", "work_phone_number": "phone", "city": "city", "state": "state",
}  # fmt: skip

_CHALLENGE = re.compile(r"[0-9a-fA-F-]{32,36}")
_LEAD_ID = re.compile(r"(?:urn:li:\w+:)?([A-Za-z0-9_=~+-]{1,200})")
_FORM_ID = re.compile(r"leadGenForm:([0-9]{1,40})\b")


class LinkedInOptions(BaseModel):
    """`access_token` reads leads (scope `r_marketing_leadgen_automation`); it expires after about 60 days.
    `api_version` is the month of the API, which LinkedIn serves for about a year. Leads are read back, to find those
    that the webhook did not bring, of the `owner` (an ad account's or an organization's URN)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_token: SecretStr = Field(min_length=1)
    api_url: str = Field("https://api.linkedin.com/rest", pattern=r"^https?://[^\s?#]+$")
    api_version: str = Field("202606", pattern=r"^20[0-9]{4}$")
    owner: str | None = Field(None, pattern=r"^urn:li:(sponsoredAccount|organization):[0-9]{1,40}$")


class LinkedInLeadGen(Source):
    slug = "linkedin_lead_gen"
    title = "LinkedIn Lead Gen Forms"
    documentation = "https://learn.microsoft.com/en-us/linkedin/marketing/lead-sync/leadsync"
    identity = "leadGenFormResponse: LinkedIn's id of one submission; its page says to expect repeated notifications."
    options_model = LinkedInOptions
    has_handshake = True
    reads_back = True
    known_fields = frozenset({
        "type", "leadGenFormResponse", "leadGenForm", "owner.*", "associatedEntity.*", "leadType", "leadAction",
        "occurredAt",
    })  # fmt: skip

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` gives seconds since 1970, until when leads are read back."""
        self._now = now

    def verify(self, request: Request, entrance: Entrance) -> int:
        presented = request.headers.get("x-li-signature", "").strip()
        with suppress(Reject):
            return hmac_sha256_hex(PREFIX + request.body, presented, entrance)
        # Some public receivers take a signature over the body alone. It is refused too, under a name of its own.
        hmac_sha256_hex(request.body, presented, entrance)
        raise Reject("signature_without_prefix", "the signature does not match: it is over the body alone", 401)

    def handshake(self, request: Request, entrance: Entrance) -> Reply:
        """The challenge with its HMAC. Raises `Reject` (400)."""
        code = request.query.get("challengeCode", "")
        secret = next(filter(None, entrance.secrets), None)
        if not _CHALLENGE.fullmatch(code) or secret is None:
            raise Reject("no_challenge", "a challengeCode (UUID) is expected", 400)
        answer = hmac.digest(secret.encode(), code.encode(), "sha256").hex()
        return Reply(200, json.dumps({"challengeCode": code, "challengeResponse": answer}).encode())

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = json_object(request.body)
        if body.get("type", "LEAD_ACTION") != "LEAD_ACTION":
            return [NotALead("ignored", "not_a_lead_action", "a notification of another kind than leads")]
        found = _LEAD_ID.fullmatch(as_text(body.get("leadGenFormResponse")) or "")
        if found is None:
            raise Park("no_lead_id", "the notification names no lead in a readable way")
        if body.get("leadAction") == "DELETED":
            detail = f"LinkedIn deleted lead {found[1]}, perhaps at the person's wish: see whether to erase it here"
            return [NotALead("ignored", "deleted_by_platform", detail)]
        names = {"form": "leadGenForm", "lead_type": "leadType", "occurred_at": "occurredAt"}
        data = {name: text for name, sent in names.items() if (text := as_text(body.get(sent))) is not None}
        creative = Fields(body.get("associatedEntity")).text("creative")
        return [Pointer(found[1], {"lead": found[1], **data, **({"creative": creative} if creative else {})})]

    def fetch(self, pointer: Mapping[str, Any], entrance: Entrance, http: HttpClient) -> bytes:
        answer = self._get(f"leadFormResponses/{quote(pointer['lead'], safe='')}?fields={ASKED}", entrance, http)
        with suppress(Park):
            body = json_object(answer)
            form = _form_id(body.get("versionedLeadGenFormUrn")) or _form_id(pointer.get("form"))
            if not isinstance(body.get("form"), dict) and form is not None:
                body["form"] = json_object(self._get(f"leadForms/{form}", entrance, http))
                return json.dumps(body).encode()
        return answer

    def recent(self, entrance: Entrance, http: HttpClient, since: datetime, place: str | None) -> RecentPage:
        """One page of one type of leads. The place is what is left: the types, and how many of the first were seen."""
        owner = cast(LinkedInOptions, entrance.options).owner
        if owner is None:
            raise Park("not_configured", "set the channel's option owner, so that leads can be read back")
        kind = owner.split(":")[2]
        types, start = json.loads(place) if place else (list(TYPES[kind]), 0)
        span = f"(start:{int(since.timestamp() * 1000)},end:{int(self._now() * 1000)})"
        body = json_object(self._get(
            f"leadFormResponses?q=owner&owner=({kind}:{quote(owner, safe='')})&leadType=(leadType:{types[0]})"
            f"&limitedToTestLeads=false&submittedAtTimeRange={span}&fields={ASKED}&count={AT_ONCE}&start={start}",
            entrance, http,
        ))  # fmt: skip
        elements = body.get("elements")
        items = [one for one in elements if isinstance(one, dict)] if isinstance(elements, list) else []
        leads = [
            Recent(found[1], json.dumps(one).encode(), sent_at(as_text(one.get("submittedAt")), entrance.timezone))
            for one in items
            if (found := _LEAD_ID.fullmatch(as_text(one.get("id")) or ""))
        ]
        left = [types, start + AT_ONCE] if len(items) >= AT_ONCE else [types[1:], 0]
        return RecentPage(leads, json.dumps(left) if left[0] else None)

    def read_recent(self, answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        found = _LEAD_ID.fullmatch(as_text(json_object(answer).get("id")) or "")
        return self.read_fetched({"lead": found[1] if found else None}, answer, entrance)

    def check(self, entrance: Entrance, http: HttpClient) -> Sequence[Checked]:
        """LinkedIn does not say until when a token is good; whether it is, can be tried."""
        if cast(LinkedInOptions, entrance.options).owner is None:
            return ()
        self.recent(entrance, http, datetime.fromtimestamp(self._now() - 60, UTC), None)
        return [Checked("token", True, "the access token reads leads")]

    def _get(self, path: str, entrance: Entrance, http: HttpClient) -> bytes:
        options = cast(LinkedInOptions, entrance.options)
        headers = {"LinkedIn-Version": options.api_version, "X-Restli-Protocol-Version": "2.0.0"}
        return get_with_token(http, f"{options.api_url.rstrip('/')}/{path}", options.access_token, headers=headers)

    def read_fetched(self, pointer: Mapping[str, Any], answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        raw = json_object(answer)
        body = Fields(raw)
        form, response = body.fields("form"), body.fields("formResponse")
        test, sent = is_true(body.text("testLead")), body.text("submittedAt") or as_text(pointer.get("occurred_at"))
        ad = _advertisement(raw, form, pointer)
        lead = Lead(origin="linkedin", campaign=ad.pop("campaign_name", None), ad=ad)
        questions = {Fields(one).text("questionId"): one for one in form.fields("content").items("questions")}
        answers = [*_answers(response.items("answers"), questions), *_hidden(form.items("hiddenFields"))]
        take_questions(lead, answers, KNOWN)
        note_submitted_at(lead, sent, entrance.timezone)
        lead.consent = [
            {"key": key, "granted": is_true(consent.text("accepted"))}
            for consent in map(Fields, response.items("consentResponses"))
            if (key := consent.text("consentId")) is not None
        ]
        body.text("id")
        lead.extra = {**body.rest(), **response.rest()}
        return ReadLead(identifier(pointer.get("lead")), lead, test)

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        lead_id, form = f"00000000-aaaa-bbbb-cccc-{number:012d}-2", "urn:li:leadGenForm:7001"
        notice = {
            "type": "LEAD_ACTION", "leadGenFormResponse": f"urn:li:leadGenFormResponse:{lead_id}",
            "leadGenForm": f"urn:li:versionedLeadGenForm:({form},1)", "leadType": "SPONSORED", "leadAction": "CREATED",
            "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:500000001"}, "occurredAt": 1790000300000,
        }  # fmt: skip
        body = json.dumps(notice).encode()
        first, _, last = person["name"].partition(" ")
        told = {"FIRST_NAME": first, "LAST_NAME": last, "EMAIL": person["email"], "PHONE_NUMBER": person["phone"]}
        numbered = list(enumerate(told.items(), 1))
        lead = {
            "id": lead_id, "submittedAt": 1790000300000, "leadType": "SPONSORED", "testLead": False,
            "formResponse": {"answers": [{"questionId": n, "answerDetails": {"textQuestionAnswer": {"answer": value}}}
                                         for n, (_, value) in numbered]},
            "form": {"id": 7001, "name": "Lançamento Jardim", "content": {
                "questions": [{"questionId": n, "predefinedField": name} for n, (name, _) in numbered]}},
        }  # fmt: skip
        signature = hmac.digest(entrance.secrets[0].encode(), PREFIX + body, "sha256").hex()
        headers = {"Content-Type": "application/json", "X-LI-Signature": signature}
        return headers, body, {lead_id: json.dumps(lead).encode()}


def _form_id(urn: Any) -> str | None:
    found = _FORM_ID.search(as_text(urn) or "")
    return found[1] if found else None


def _advertisement(lead: dict[str, Any], form: Fields, pointer: Mapping[str, Any]) -> dict[str, str]:
    """Campaign, creative and form by the card's names; a lead of an event or a page has no campaign."""
    campaign = _inside(lead, "leadMetadataInfo", "sponsoredLeadMetadataInfo", "campaign")
    urn = _form_id(lead.get("versionedLeadGenFormUrn")) or _form_id(pointer.get("form"))
    ids = {
        "campaign_id": campaign.text("id"), "campaign_name": campaign.text("name"), "form_name": form.text("name"),
        "ad_id": as_text(pointer.get("creative")), "form_id": form.text("id") or urn,
    }  # fmt: skip
    return {name: text for name, text in ids.items() if text is not None}


def _inside(value: Any, *names: str) -> Fields:
    """The object that lies under these names; no fields when there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return Fields(value)


def _shown(item: Any, field: str) -> str | None:
    """The text of a question or option, in whatever language the form has first."""
    texts = _inside(item, field, "localized").rest().values()
    return next(filter(None, map(as_text, texts)), None) or Fields(item).text("name", field)


def _answers(items: list[Any], questions: Mapping[str | None, Any]) -> Iterator[tuple[str, list[str]]]:
    """Answers by LinkedIn's own name of a question, else by its text, else by its number."""
    for item in map(Fields, items):
        number, details = item.text("questionId"), item.fields("answerDetails")
        question = questions.get(number)
        predefined, text = Fields(question).text("predefinedField"), _shown(question, "question")
        options = {
            Fields(option).text("id"): _shown(option, "text")
            for option in _inside(question, "questionDetails", "multipleChoiceQuestionDetails").items("options")
        }
        given = details.fields("textQuestionAnswer").text("answer")
        chosen = filter(None, map(as_text, details.fields("multipleChoiceAnswer").items("options")))
        values = [*list_of(given), *(options.get(option) or option for option in chosen)]
        if rest := details.rest():
            values.append(json.dumps(rest, ensure_ascii=False))
        name = predefined if predefined and (predefined.lower() in KNOWN or text is None) else text
        if values:
            yield name or item.text("name") or number or "?", values


def _hidden(items: list[Any]) -> Iterator[tuple[str, list[str]]]:
    for item in map(Fields, items):
        name, value = item.text("name"), item.text("value")
        if name and value:
            yield name, [value]

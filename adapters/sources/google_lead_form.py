"""Google Ads lead form webhook: one whole lead in each request, the shared key inside the body.

Google tries again after a 5xx and never after a 4xx, so a 4xx is answered to a wrong key alone (and to a body in
which no key can be looked for). Success is `200` with `{}`, failure a JSON object with `message`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.sources.base import (
    Carrier,
    Entrance,
    Fields,
    Lead,
    Park,
    Read,
    ReadLead,
    Reject,
    Reply,
    Request,
    Sample,
    Source,
    any_secret,
    as_text,
    identifier,
    is_true,
    json_object,
    note_submitted_at,
    take_questions,
)

SECRET = "google_key"  # noqa: S105 - the field's name
AD_IDS = ("form_id", "campaign_id", "adgroup_id", "creative_id", "asset_group_id")
KNOWN = {
    "full_name": "name", "first_name": "first_name", "last_name": "last_name", "email": "email",
    "work_email": "email", "phone_number": "phone", "work_phone": "phone", "city": "city", "region": "state",
}  # fmt: skip


class GoogleLeadForm(Source):
    slug = "google_lead_form"
    title = "Google Ads (formulário de lead)"
    documentation = "https://developers.google.com/google-ads/webhook/docs/implementation"
    identity = "lead_id: unique over all forms; Google's page says to recognise repeats by it."
    carriers = (Carrier("json", SECRET),)
    known_fields = frozenset({
        "lead_id", "api_version", "gcl_id", SECRET, "Google_key", "is_test", "lead_stage", "lead_submit_time",
        "lead_source", *AD_IDS, "user_column_data[].column_id", "user_column_data[].column_name",
        "user_column_data[].string_value",
    })  # fmt: skip

    def verify(self, request: Request, entrance: Entrance) -> int:
        try:
            body = json_object(request.body)
        except Park as error:
            raise Reject(error.reason, f"no {SECRET} can be read: {error.detail}", 400) from error
        return any_secret(next((as_text(body[name]) for name in body if name.lower() == SECRET), None), entrance)

    def refused(self, status: int, reason: str, detail: str) -> Reply:
        return Reply(status, json.dumps({"message": detail}).encode())

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        # One official sample spells the key `Google_key`.
        body = Fields({k: v for k, v in json_object(request.body).items() if k.lower() != SECRET})
        click = body.text("gcl_id")
        lead = Lead(ad=body.texts(*AD_IDS), click_ids={"gclid": click} if click else {})
        take_questions(lead, _answers(body.items("user_column_data")), KNOWN)
        note_submitted_at(lead, body.text("lead_submit_time"), entrance.timezone)
        key, test = identifier(body.text("lead_id")), is_true(body.text("is_test"))
        lead.extra = body.rest()
        return [ReadLead(key, lead, test)]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        columns = {"FULL_NAME": person["name"], "EMAIL": person["email"], "PHONE_NUMBER": person["phone"],
                   "QUANTOS_QUARTOS_VOCÊ_PROCURA?": "3 quartos"}  # fmt: skip
        body: dict[str, Any] = {
            "lead_id": f"CjwKEXEMPLO{number}", "api_version": "1.0", "form_id": 40000000001,
            "user_column_data": [{"column_id": name, "string_value": value} for name, value in columns.items()],
            "campaign_id": 20000000001, "google_key": entrance.secrets[0], "is_test": False,
            "gcl_id": "EAIaExemploGclid", "lead_submit_time": "2026-09-21T14:30:00Z",
        }  # fmt: skip
        return {"Content-Type": "application/json"}, json.dumps(body, ensure_ascii=False).encode(), {}


def _answers(columns: list[Any]) -> Iterator[tuple[str, list[str]]]:
    """Answers by column id: Google does not always send the column's name, the question's text."""
    for column in map(Fields, columns):
        name, value = column.text("column_id", "column_name"), column.text("string_value")
        if name and value:
            yield name, [value]

"""Grupo OLX: leads of ZAP Imóveis, Viva Real and OLX, also of its MCMV simulator. One whole lead in each request.

Any 2xx is delivered; 3xx, 4xx and 5xx are tried three more times. A 404 makes the portal delete the integration,
so nothing here ever answers one. The portal's page asks for a 4xx when a lead has no `clientListingId`; the lead is
good all the same, so it is captured and flagged `listing_missing`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sources.base import (
    Carrier,
    Entrance,
    Fields,
    Lead,
    Read,
    ReadLead,
    Request,
    Sample,
    Source,
    any_secret,
    basic_password,
    identifier,
    json_object,
    list_of,
    note_submitted_at,
    split_phones,
)

HOMOLOGATION = ("59ee0fc6e4b043e1b2a6d863", "nome.consumidor@email.com")
"""Id and e-mail of the documented sample, which the portal's validator posts; there is no other test marker."""


class GrupoOlx(Source):
    slug = "grupo_olx"
    title = "Grupo OLX (ZAP, Viva Real, OLX)"
    documentation = "https://developers.grupozap.com/webhooks/integration_leads.html"
    identity = "originLeadId (also spelled originLead): the portal's own id of the lead, the same in every retry."
    carriers = (Carrier("header", "authorization"),)
    basic_user = "vivareal"
    known_fields = frozenset({
        "leadOrigin", "timestamp", "originLeadId", "originLead", "originListingId", "clientListingId", "name", "email",
        "ddd", "phone", "phoneNumber", "message", "temperature", "transactionType", "transaction_type",
        "extraData.leadType", "extraData.leadCerto", "extraData.izi", "extraData.feedback", "extraData.mcmv.*",
    })  # fmt: skip

    def verify(self, request: Request, entrance: Entrance) -> int:
        """The Basic password is the key. The user is not compared: the official samples disagree on whether it
        must be `vivareal`, and it is no secret."""
        return any_secret(basic_password(request), entrance)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(json_object(request.body))
        extra_data = body.fields("extraData")
        mcmv = extra_data.fields("mcmv")
        place = mcmv.fields("propertyLocation")
        key = identifier(body.text("originLeadId", "originLead"))
        email = body.text("email")
        lead = Lead(
            name=body.text("name"),
            phones=split_phones(body, ["ddd"], ["phone"], ["phoneNumber"]),
            emails=list_of(email),
            message=body.text("message"),
            origin=body.text("leadOrigin"),
            listing=body.text("clientListingId"),
            transaction=body.text("transactionType", "transaction_type"),
            price=mcmv.text("propertyValue"),
            city=place.text("city"),
            state=place.text("state"),
        )
        note_submitted_at(lead, body.text("timestamp"), entrance.timezone)
        seller = mcmv.texts("sellerDocument", "documentType")
        simulation = {**mcmv.rest(), **place.rest()}
        lead.answers = {**body.texts("temperature"), **extra_data.texts("leadType"), **simulation}
        lead.extra = {**extra_data.rest(), **body.rest(), **seller}
        is_mcmv = bool(seller or simulation) or lead.origin == "MCMV_OLX" or (key or "").startswith("mcmv-")
        if lead.listing is None and not is_mcmv:
            lead.flags.append("listing_missing")
        return [ReadLead(key, lead, test=(key, email) == HOMOLOGATION)]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        ddd, phone = person["phone"].removeprefix("+55")[:2], person["phone"].removeprefix("+55")[2:]
        body: dict[str, Any] = {
            "leadOrigin": "Grupo OLX", "timestamp": "2026-09-21T14:40:10.119Z", "originLeadId": f"{number:024x}",
            "originListingId": "2700000001", "clientListingId": "AP-0101", "name": person["name"],
            "email": person["email"], "ddd": ddd, "phone": phone, "phoneNumber": ddd + phone,
            "message": "Olá, tenho interesse neste imóvel.", "temperature": "Alta", "transactionType": "SELL",
            "extraData": {"leadCerto": True, "leadType": "CONTACT_FORM"},
        }  # fmt: skip
        basic = "Basic " + base64.b64encode(f"vivareal:{entrance.secrets[0]}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": basic}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}

"""Chaves na Mão: one whole lead in each request.

2xx is delivered. 5xx and silence beyond 30 seconds are tried up to three times, a 4xx never again: it is answered
to wrong credentials alone. The portal also sells cars; a car's lead is parked, since 4xx would lose it.
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
    Park,
    Read,
    ReadLead,
    Request,
    Sample,
    SentPhone,
    Source,
    any_secret,
    basic_password,
    identifier,
    json_object,
    list_of,
    note_submitted_at,
)


class ChavesNaMao(Source):
    slug = "chaves_na_mao"
    title = "Chaves na Mão"
    documentation = "https://github.com/chavesnamao/lead-documentation"
    identity = "id: the portal's own id of the lead; its page says to recognise repeats by it."
    carriers = (Carrier("header", "authorization"),)
    known_fields = frozenset({
        "id", "name", "email", "phone", "message", "createdAt", "sendAt", "segment", "proposeTypeName",
        "ad.id", "ad.title", "ad.reference", "ad.realtyType", "ad.purpose", "ad.url", "ad.value",
        "client.name", "client.tradeName", "client.document",
    })  # fmt: skip

    def verify(self, request: Request, entrance: Entrance) -> int:
        """The Basic password is the advertiser's token. The user is the advertiser's e-mail, which is no secret."""
        return any_secret(basic_password(request), entrance)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(json_object(request.body))
        segment = body.text("segment")
        if segment == "VEHICLE":
            raise Park("vehicle_lead", "a lead about a vehicle, not about a property")
        ad = body.fields("ad")
        lead = Lead(
            name=body.text("name"),
            phones=[SentPhone(value=phone) for phone in list_of(body.text("phone"))],
            emails=list_of(body.text("email")),
            message=body.text("message"),
            medium=body.text("proposeTypeName"),
            listing=ad.text("reference"),
            transaction=ad.text("purpose"),
            price=ad.text("value"),
            answers=ad.texts("realtyType"),
        )
        # The portal's times have no offset; `sendAt` is the time of this try and says nothing about the lead.
        note_submitted_at(lead, body.text("createdAt"), entrance.timezone)
        if lead.listing is None:
            lead.flags.append("listing_missing")
        key = identifier(body.text("id"))
        lead.extra = {**body.rest(), **({"ad": ad.rest()} if ad.rest() else {})}
        if segment not in (None, "REALTY"):
            lead.extra["segment"] = segment
        return [ReadLead(key, lead)]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        body: dict[str, Any] = {
            "id": str(7_700_000 + number), "name": person["name"], "email": person["email"],
            "phone": person["phone"].removeprefix("+55"), "message": "Gostaria de agendar uma visita.",
            "createdAt": "2026-09-21 11:50:00", "sendAt": "2026-09-21 11:50:04", "segment": "REALTY",
            "proposeTypeName": "Formulário WhatsApp",
            "ad": {"id": "550001", "title": "Apartamento 2 quartos", "reference": "AP-0101", "purpose": "Venda",
                   "realtyType": "Apartamento", "value": 420000.0},
            "client": {"name": "Imobiliária Exemplo Ltda", "document": "00.000.000/0000-00"},
        }  # fmt: skip
        basic = "Basic " + base64.b64encode(f"imobiliaria@example.com.br:{entrance.secrets[0]}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": basic}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}

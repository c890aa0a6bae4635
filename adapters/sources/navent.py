"""Navent (Imovelweb, Wimoveis, Casa Mineira): one contact in each request, its keys in the language chosen at set-up.

The same event has other keys in Portuguese, Spanish, English and a second English, and the portal's own pages mix
them, so each field is looked for under all of its names. A person who wrote sends `CONTACTO_MENSAJE`, one who only
looked at the phone `CONTACTO`, without a message. Events about listings are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Entrance,
    Fields,
    Lead,
    NotALead,
    Read,
    ReadLead,
    Request,
    Sample,
    Source,
    house_secret,
    identifier,
    json_object,
    list_of,
    note_submitted_at,
    split_phones,
)

NAMES = {
    "event": ("idEvento", "eventId"),
    "eventType": ("tipoEvento", "eventType"),
    "contactTypeId": ("idTipoContacto", "contactTypeId"),
    "name": ("nome", "nombre", "name", "txtNome"),
    "email": ("email", "txtEmail"),
    "ddd": ("ddd", "txtDdd"),
    "phone": ("telefone", "telefono", "phone", "txtTelefone"),
    "whole": ("phoneNumber",),
    "document": ("cpf", "dni", "identificationId"),
    "message": ("mensagem", "mensaje", "message", "txtMensagem"),
    # The last three are the code in the portal's own panel, which need not be the house's.
    "listing": (
        "referencia", "reference", "clientListingId", "codigoDoAnunciante", "claveInterna", "internalReference",
    ),
    "development": ("codigoLancamento", "codigoDesarrollo", "developmentCode"),
    "time": ("dataRegistro", "fechaRegistro", "registerDate", "timestamp"),
    "origin": ("leadOrigin",),
}  # fmt: skip
"""A field's names in all layouts. The `txt…` ones are of a fifth, known from public code alone."""

LEFT = (
    "idMensagem", "idMensaje", "messageId", "idContato", "idContacto", "contactId", "originLeadId", "idnavplat",
    "idNavplat", "originListingId", "codigoImobiliaria", "codigoInmobiliaria", "codigoCliente", "clientCode",
    "idAnuncioPai", "idAvisoPadre", "idNavplatDevelopment", "planoDePublicacao", "planDePublicacion",
    "publicationPlan", "userIdNavplat", "id", "token",
)  # fmt: skip
"""Known, and kept in `Lead.extra`."""


class NaventOptions(BaseModel):
    """`header` is the `authorizationHeaderKey` told to the portal; the secret is its value, whole (`Basic …`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    header: str = Field("Authorization", pattern=r"^[A-Za-z0-9-]+$")


class Navent(Source):
    slug = "navent"
    title = "Imovelweb, Wimoveis, Casa Mineira (Navent)"
    documentation = "https://open-docs.navent.com/bra/callbacks/"
    identity = "idEvento / eventId: the event's id, by which the portal's page says to recognise a repeated delivery."
    options_model = NaventOptions
    carriers = HOUSE_CARRIERS
    known_fields = frozenset((*LEFT, *(name for names in NAMES.values() for name in names)))

    def verify(self, request: Request, entrance: Entrance) -> int:
        """The header of the options with the secret as it is; or, for a portal without one, as every form."""
        header = cast(NaventOptions, entrance.options).header.lower()
        return house_secret(request, entrance, request.headers.get(header, "").strip())

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(json_object(request.body))
        found = {field: body.text(*names) for field, names in NAMES.items() if field not in ("ddd", "phone", "whole")}
        lead = Lead(
            name=found["name"],
            phones=split_phones(body, NAMES["ddd"], NAMES["phone"], NAMES["whole"]),
            emails=list_of(found["email"]),
            document=found["document"],
            message=found["message"],
            listing=found["listing"],
            development=found["development"],
            origin=found["origin"],
            answers={name: text for name in ("eventType", "contactTypeId") if (text := found[name])},
        )
        event, key = found["eventType"], identifier(found["event"])
        if event and not event.upper().startswith("CONTACTO") and not (lead.phones or lead.emails):
            return [NotALead("ignored", "not_a_contact", "an event about something else than a contact", key)]
        note_submitted_at(lead, found["time"], entrance.timezone)
        if lead.listing is None and lead.development is None:
            lead.flags.append("listing_missing")
        lead.extra = body.rest()
        return [ReadLead(key, lead)]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        body: dict[str, Any] = {
            "idEvento": f"evt-{number}", "tipoEvento": "CONTACTO_MENSAJE", "idMensagem": 900_000 + number,
            "idTipoContacto": 1, "idContato": 800_001, "idnavplat": 2_900_000_001, "codigoImobiliaria": "IMOB-EX",
            "idAnuncioPai": 2_900_000_000, "codigoLancamento": "JARDIM-01", "referencia": "AP-0101",
            "dataRegistro": "2026-09-21T11:45:00.000-0300", "nome": person["name"], "email": person["email"],
            "telefone": person["phone"].removeprefix("+55"), "mensagem": "Quero agendar uma visita",
            "planoDePublicacao": "DESTACADO", "codigoDoAnunciante": "AP-0101", "cpf": None,
        }  # fmt: skip
        header = cast(NaventOptions, entrance.options).header
        headers = {"Content-Type": "application/json", header: entrance.secrets[0]}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}

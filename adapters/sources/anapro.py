"""Anapro: what landing pages already post to its `CadastrarProspect`, so that only their address changes.

Several public pages agree on the fields; pages do not try again. Development, campaign and channel are opaque keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sources.base import (
    HOUSE_CARRIERS,
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
    as_text,
    house_secret,
    identifier,
    joined_name,
    list_of,
)
from adapters.sources.form_keys import json_or_form, listed

SECRETS = ("Key", "KeyIntegradora", "KeyAgencia")
PHONES = "PessoaTelefones"
READ = ("PessoaNome", "PessoaSobrenome", "PessoaEmail", "Observacoes", "CampanhaKey", "ProdutoKey", "CanalKey", "Midia",
        "Peca", "CampanhaPeca", "UsuarioEmail", "KeyExterno")  # fmt: skip
KEPT = ("TagAtalho", "GrupoPeca", "PessoaSexo", "Status")
SPELLED = {name.lower(): name for name in (*SECRETS, PHONES, *READ, *KEPT)}
"""Their server does not tell case apart, so pages write as they like."""


class Anapro(Source):
    slug = "anapro"
    title = "Anapro (páginas que já enviam para ele)"
    documentation = "Public pages that post to crm.anapro.com.br/webcrm/webapi/integracao/v2/CadastrarProspect"
    identity = "KeyExterno, the page's own id, unique within the channel. Without it, the content within 10 minutes."
    namespace = "channel"
    carriers = (*HOUSE_CARRIERS, *(Carrier("json", name) for name in SECRETS), *(Carrier("form", k) for k in SECRETS))
    known_fields = frozenset({*SECRETS, *READ, *KEPT, f"{PHONES}[].*", PHONES})

    def verify(self, request: Request, entrance: Entrance) -> int:
        """Any of the three keys of the body, or the house's own secret."""
        try:
            body = _body(request)
        except Park:
            body = {}
        return house_secret(request, entrance, *(as_text(body.get(name)) for name in SECRETS))

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(_body(request))
        body.drop(*SECRETS)
        utm = {"source": body.text("Midia"), "medium": body.text("Peca"), "campaign": body.text("CampanhaPeca")}
        lead = Lead(
            name=joined_name(body.text("PessoaNome"), body.text("PessoaSobrenome")),
            phones=[phone for one in listed(body.take(PHONES)) if (phone := _phone(one))],
            emails=list_of(body.text("PessoaEmail")),
            message=body.text("Observacoes"),
            campaign=body.text("CampanhaKey"),
            medium=utm["source"],
            origin=body.text("CanalKey"),
            development=body.text("ProdutoKey"),
            broker=body.text("UsuarioEmail"),
            utm={name: text for name, text in utm.items() if text},
        )
        read = ReadLead(identifier(body.text("KeyExterno")), lead)
        lead.extra = body.rest()
        return [read]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        ddd, phone = person["phone"].removeprefix("+55")[:2], person["phone"].removeprefix("+55")[2:]
        body = {"Key": entrance.secrets[0], "CampanhaKey": "camp-exemplo", "ProdutoKey": "prod-exemplo",
                "Midia": "google", "Peca": "cpc", "PessoaNome": person["name"], "PessoaEmail": person["email"],
                PHONES: [{"Tipo": "OUTR", "DDD": ddd, "Numero": phone}], "KeyExterno": f"lp-{number}"}  # fmt: skip
        return {"Content-Type": "application/json"}, json.dumps(body, ensure_ascii=False).encode(), {}


def _body(request: Request) -> dict[str, Any]:
    return {SPELLED.get(name.lower(), name): value for name, value in json_or_form(request.body).items()}


def _phone(sent: Any) -> SentPhone | None:
    """`{Tipo, DDD, Numero, Ramal}`, or the number alone."""
    parts = Fields({name.lower(): value for name, value in sent.items()} if isinstance(sent, dict) else None)
    number = parts.text("numero") or as_text(sent)
    return SentPhone(value=number, ddd=parts.text("ddd")) if number else None

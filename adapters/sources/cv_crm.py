"""CV CRM (Construtor de Vendas): what landing pages already post to its lead API, so that only their address changes.

Known from public pages and a mirror of an old manual; the answer's shape is unverified. Senders do not try again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from adapters.sources.base import (
    CLICK_IDS,
    HOUSE_CARRIERS,
    Carrier,
    Entrance,
    Fields,
    Lead,
    Read,
    ReadLead,
    Reply,
    Request,
    Sample,
    SentPhone,
    Source,
    as_text,
    house_secret,
    identifier,
    list_of,
)
from adapters.sources.form_keys import json_or_form, listed

TOKEN = "token"  # noqa: S105 - the header's name
DEVELOPMENT = ("idempreendimento", "id_empreendimento", "empreendimento")
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
KNOWN = frozenset({
    "nome", "email", "telefone", "celular", "documento", "cpf", "mensagem", "observacao", "campanha", "conversao",
    "midia", "origem", "cidade", "estado", "acao", "avatar", "corretor", "facebook", "id_situacao", "imobiliaria",
    "instagram", "modulo", "permitir_alteracao", "twitter",
})  # fmt: skip


class CvCrm(Source):
    slug = "cv_crm"
    title = "CV CRM (páginas que já enviam para ele)"
    documentation = "https://desenvolvedor.cvcrm.com.br (unread); public pages that post to /api/cvio/lead"
    identity = "The Idempotency-Key header. The format itself has no id: without one, the content within 10 minutes."
    namespace = "channel"
    carriers = (*HOUSE_CARRIERS, Carrier("header", TOKEN))
    known_fields = KNOWN.union(DEVELOPMENT, UTM, CLICK_IDS, ("interacoes[].tipo", "interacoes[].descricao"))

    def verify(self, request: Request, entrance: Entrance) -> int:
        """The header `token` of CV CRM, or the house's own secret. `email` beside it names a user: not compared."""
        return house_secret(request, entrance, request.headers.get(TOKEN, "").strip())

    def accepted(self, delivery: str) -> Reply:
        return Reply(200, json.dumps({"sucesso": True, "id": delivery}).encode())

    def refused(self, status: int, reason: str, detail: str) -> Reply:
        return Reply(status, json.dumps({"sucesso": False, "mensagem": detail}).encode())

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(json_or_form(request.body))
        developments = [text for name in DEVELOPMENT for one in listed(body.take(name)) if (text := as_text(one))]
        notes = [note for note in listed(body.take("interacoes")) if note]
        said = [text for note in map(Fields, notes) if (text := note.text("descricao"))]
        lead = Lead(
            name=body.text("nome"),
            phones=[SentPhone(value=phone) for name in ("telefone", "celular") for phone in list_of(body.text(name))],
            emails=list_of(body.text("email")),
            document=body.text("documento", "cpf"),
            message=body.text("mensagem", "observacao") or "\n".join(said) or None,
            campaign=body.text("campanha", "conversao"),
            medium=body.text("midia"),
            origin=body.text("origem"),
            development=next(iter(developments), None),
            city=body.text("cidade"),
            broker=body.text("corretor"),
            state=body.text("estado"),
            utm={name.removeprefix("utm_"): text for name, text in body.texts(*UTM).items()},
            click_ids=body.texts(*CLICK_IDS),
        )
        body.drop("acao", "modulo", "permitir_alteracao")
        lead.extra = body.rest() | ({"interacoes": notes} if len(said) < len(notes) else {})
        if len(developments) > 1:
            lead.flags.append("several_developments")
            lead.extra["developments"] = developments
        return [ReadLead(identifier(request.headers.get("idempotency-key")), lead)]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        body = {"nome": person["name"], "email": person["email"], "telefone": person["phone"], "origem": "SI",
                "idempreendimento": [12], "midia": "Google", "conversao": "LP Jardim", "acao": "salvar_editar",
                "interacoes": [{"tipo": "A", "descricao": "Quero saber o preço"}]}  # fmt: skip
        headers = {"email": "lp@example.com.br", "token": entrance.secrets[0], "Idempotency-Key": f"lp-{number}"}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}

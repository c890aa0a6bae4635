"""Entrances and requests for the tests of sources, and leads as comparable JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.sources.base import Source
from adapters.sources.form_presets import PRESETS
from adapters.sources.hubspot import HubSpot
from adapters.sources.inbound_email import InboundEmail
from adapters.sources.registry import sources
from adapters.sources.standard_webhooks import StandardWebhooks
from schemas.lead import Lead
from schemas.source import Entrance, NotALead, Pointer, Read, ReadLead, Request, request_from

FIXTURES = Path(__file__).parents[2] / "fixtures"
ZONE = ZoneInfo("America/Sao_Paulo")
PERSON = {"name": "Rita Exemplo", "phone": "+5531999990150", "email": "rita.exemplo@example.com"}

SECRETS = {
    "anapro": "CHAVE-EXEMPLO",
    "blip": "chave-blip-exemplo",
    "chatwoot": "SEGREDO-EXEMPLO",
    "chaves_na_mao": "token-exemplo",
    "cv_crm": "TOKEN-EXEMPLO",
    "form": "chave-do-site-exemplo",
    "google_lead_form": "chave-google-exemplo",
    "grupo_olx": "CHAVE-EXEMPLO",
    "hubspot": "client-secret-exemplo",
    "inbound_email": "chave-assinatura-mailgun-exemplo",
    "jivochat": "chave-jivo-exemplo",
    "linkedin_lead_gen": "client-secret-exemplo",
    "manychat": "CHAVE-EXEMPLO",
    "meta_lead_ads": "segredo-do-app-exemplo",
    "navent": "Basic bmF2ZW50OmV4ZW1wbG8=",
    "rd_station": "segredo-rd-exemplo",
    "standard_webhooks": "whsec_Y2hhdmUtZGUtdGVzdGUtY29tLTI0LWJ5",
    "tally": "segredo-tally-exemplo",
    "twilio_call": "auth-token-exemplo",
    "typeform": "segredo-typeform-exemplo",
    "webflow": "segredo-webflow-exemplo",
    "whatsapp_cloud": "segredo-do-app-exemplo",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "hubspot": {"access_token": "token-do-app-exemplo", "public_url": "https://leads.example.com.br/hooks/canal"},
    "linkedin_lead_gen": {"access_token": "token-do-linkedin-exemplo"},
    "twilio_call": {"public_url": "https://leads.example.com.br/hooks/canal"},
    "meta_lead_ads": {"verify_token": "verificacao-exemplo", "page_token": "token-da-pagina-exemplo"},
    "whatsapp_cloud": {"verify_token": "verificacao-exemplo"},
}
AT_THE_TIME: dict[str, Source] = {
    "hubspot": HubSpot(now=lambda: 1790000400.0),
    "inbound_email": InboundEmail(now=lambda: 1790001500.0),
    "standard_webhooks": StandardWebhooks(now=lambda: 1790001000.0),
}
"""Sources that refuse old signatures, at the time of their fixtures."""
MAPPINGS: dict[str, dict[str, str]] = {
    "mapeado": {
        "name": "contato.nome",
        "phone": "contato.fones.1",
        "development": "Qual projeto?",
        "answers.renda": "perfil.renda",
        "utm.source": "rastreio.fonte",
        "id": "protocolo",
    },
}


def entrance(
    slug: str,
    *,
    key: str = "canal",
    secrets: tuple[str, ...] | None = None,
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Entrance:
    """A channel of the source, with its secret and options of `SECRETS` and `OPTIONS` unless told otherwise."""
    source = sources()[slug]
    model = source.options_model.model_validate({**OPTIONS.get(slug, {}), **(options or {})})
    held = (SECRETS[slug],) if secrets is None else secrets
    return Entrance(key, 1, source, held, model, ZONE, mapping or MAPPINGS.get(key, {}))


def post(body: bytes | str, headers: Mapping[str, str] | None = None, query: str = "") -> Request:
    """A POST with these headers and query string."""
    raw = body.encode() if isinstance(body, str) else body
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()).encode("latin-1")
    return request_from("POST", f"https://leads.example.com.br/hooks/canal?{query}".encode(), lines, raw)


def get(query: str) -> Request:
    """A GET, a platform's handshake."""
    return request_from("GET", f"https://leads.example.com.br/hooks/canal?{query}".encode(), b"", b"")


def sample(slug: str, number: int = 1) -> tuple[Request, dict[str, bytes]]:
    """The source's own signed sample and the platform's answers to it."""
    headers, body, answers = sources()[slug].sample(entrance(slug), PERSON, number)
    return post(body, headers), answers


def read_one(slug: str, body: bytes | str | dict[str, Any], **kwargs: Any) -> ReadLead:
    """The only lead that the source reads out of a body."""
    raw = json.dumps(body) if isinstance(body, dict) else body
    door = entrance(slug, **kwargs)
    (read,) = door.source.read(post(raw), door)
    assert isinstance(read, ReadLead)
    return read


def fixture(path: Path) -> tuple[Entrance, Request]:
    """A stored request (`POST /hooks/<channel>?… HTTP/1.1`, headers, blank line, body) and its entrance, of the
    preset that the case's name begins with (`elementor-plain`)."""
    head, body = re.split(rb"\r?\n\r?\n", path.read_bytes(), maxsplit=1)
    first, *headers = head.splitlines()
    method, target, _ = first.decode().split(" ")
    lines = b"".join(line + b"\r\n" for line in headers)
    request = request_from(method, b"https://leads.example.com.br" + target.encode(), lines, body)
    key = target.partition("?")[0].rpartition("/")[2]
    preset = path.stem.partition("-")[0]
    options = {"preset": preset} if path.parent.name == "form" and preset in PRESETS else None
    door = entrance(path.parent.name, key=key, options=options)
    return replace(door, source=AT_THE_TIME.get(door.source.slug, door.source)), request


def as_json(read: Read) -> dict[str, Any]:
    """What a source read, in the shape of the fixtures' expectations."""
    if isinstance(read, ReadLead):
        test = {"test": True} if read.test else {}
        said = {"conversation": read.conversation} if read.conversation else {}
        return {"type": "lead", "key": read.key, **test, **said, "lead": lead_json(read.lead)}
    if isinstance(read, Pointer):
        return {"type": "pointer", "key": read.key, "data": read.data}
    assert isinstance(read, NotALead)
    return {"type": "not_a_lead", "outcome": read.outcome, "reason": read.reason}


def lead_json(lead: Lead) -> dict[str, Any]:
    """A lead's fields that are not empty."""
    dumped = lead.model_dump(exclude_defaults=True)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in dumped.items()}

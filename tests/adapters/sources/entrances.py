"""The channels that the tests of sources stand at, with the secrets and options of their fixtures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.sources.base import Source
from adapters.sources.form_presets import PRESETS
from adapters.sources.hubspot import HubSpot
from adapters.sources.inbound_email import InboundEmail
from adapters.sources.registry import house_sources
from adapters.sources.sales_module import SalesModuleWebhook
from adapters.sources.standard_webhooks import StandardWebhooks
from adapters.sources.testing import PERSON, Subject, as_json, get, lead_json, post
from schemas.source import Entrance, ReadLead, Request

__all__ = [
    "FIXTURES", "OPTIONS", "PERSON", "SECRETS",
    "as_json", "entrance", "fixture", "get", "lead_json", "post", "read_one", "sample", "subject",
]  # fmt: skip

FIXTURES = Path(__file__).parents[2] / "fixtures"

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
    "sales_module": "whsec_Y2hhdmUtZG8tbW9kdWxvLWRlLXZlbmRhcw==",
    "standard_webhooks": "whsec_Y2hhdmUtZGUtdGVzdGUtY29tLTI0LWJ5",
    "tally": "segredo-tally-exemplo",
    "trigger": "chave-do-gatilho-exemplo",
    "twilio_call": "auth-token-exemplo",
    "typeform": "segredo-typeform-exemplo",
    "webflow": "segredo-webflow-exemplo",
    "whatsapp_cloud": "segredo-do-app-exemplo",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "hubspot": {"access_token": "token-do-app-exemplo", "public_url": "https://leads.example.com.br/hooks/canal"},
    "linkedin_lead_gen": {"access_token": "token-do-linkedin-exemplo"},
    "sales_module": {"won": ["signed", "Assinado"], "lost": ["cancelled"]},
    "twilio_call": {"public_url": "https://leads.example.com.br/hooks/canal"},
    "meta_lead_ads": {"verify_token": "verificacao-exemplo", "page_token": "token-da-pagina-exemplo"},
    "whatsapp_cloud": {"verify_token": "verificacao-exemplo"},
}
AT_THE_TIME: dict[str, Source] = {
    "hubspot": HubSpot(now=lambda: 1790000400.0),
    "inbound_email": InboundEmail(now=lambda: 1790001500.0),
    "sales_module": SalesModuleWebhook(now=lambda: 1790001000.0),
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


class _Subject(Subject):
    """With the mapping of the channel's key, and the preset that the case's name begins with (`elementor-plain`)."""

    def entrance_of(self, case: str, key: str) -> Entrance:
        preset = case.partition("-")[0]
        options = {"preset": preset} if self.source.slug == "form" and preset in PRESETS else None
        return self.entrance(key=key, mapping=MAPPINGS.get(key), options=options)


def subject(slug: str, **told: Any) -> Subject:
    """The source with its fixtures, secret and options; `told` is what else its contract has to know."""
    assert slug in SECRETS, f"tests/adapters/sources/entrances.py: SECRETS lacks the secret in the fixtures of {slug}"
    return _Subject(
        house_sources()[slug],
        FIXTURES / slug,
        SECRETS[slug],
        OPTIONS.get(slug, {}),
        at_the_time=AT_THE_TIME.get(slug),
        **told,
    )


def entrance(
    slug: str,
    *,
    key: str = "canal",
    secrets: tuple[str, ...] | None = None,
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Entrance:
    """A channel of the source, with its secret and options of `SECRETS` and `OPTIONS` unless told otherwise."""
    mapping = mapping or MAPPINGS.get(key)
    return subject(slug).entrance(key=key, secrets=secrets, mapping=mapping, options=options)


def sample(slug: str, number: int = 1) -> tuple[Request, dict[str, bytes]]:
    """The source's own signed sample and the platform's answers to it."""
    return subject(slug).sample(number)


def read_one(slug: str, body: bytes | str | dict[str, Any], **kwargs: Any) -> ReadLead:
    """The only lead that the source reads out of a body."""
    raw = json.dumps(body) if isinstance(body, dict) else body
    door = entrance(slug, **kwargs)
    (read,) = door.source.read(post(raw), door)
    assert isinstance(read, ReadLead)
    return read


def fixture(path: Path) -> tuple[Entrance, Request]:
    """A stored request and its entrance."""
    return subject(path.parent.name).fixture(path)

"""Entrances and requests for the tests of sources, and leads as comparable JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.sources.registry import sources
from schemas.lead import Lead
from schemas.source import Entrance, NotALead, Pointer, Read, ReadLead, Request, request_from

FIXTURES = Path(__file__).parents[2] / "fixtures"
ZONE = ZoneInfo("America/Sao_Paulo")
PERSON = {"name": "Rita Exemplo", "phone": "+5531999990150", "email": "rita.exemplo@example.com"}

SECRETS = {
    "form": "chave-do-site-exemplo",
    "google_lead_form": "chave-google-exemplo",
    "grupo_olx": "CHAVE-EXEMPLO",
    "meta_lead_ads": "segredo-do-app-exemplo",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "meta_lead_ads": {"verify_token": "verificacao-exemplo", "page_token": "token-da-pagina-exemplo"},
}
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
    """A stored request (`POST /hooks/<channel>?… HTTP/1.1`, headers, blank line, body) and its entrance."""
    head, body = re.split(rb"\r?\n\r?\n", path.read_bytes(), maxsplit=1)
    first, *headers = head.splitlines()
    method, target, _ = first.decode().split(" ")
    lines = b"".join(line + b"\r\n" for line in headers)
    request = request_from(method, b"https://leads.example.com.br" + target.encode(), lines, body)
    key = target.partition("?")[0].rpartition("/")[2]
    return entrance(path.parent.name, key=key), request


def as_json(read: Read) -> dict[str, Any]:
    """What a source read, in the shape of the fixtures' expectations."""
    if isinstance(read, ReadLead):
        test = {"test": True} if read.test else {}
        return {"type": "lead", "key": read.key, **test, "lead": lead_json(read.lead)}
    if isinstance(read, Pointer):
        return {"type": "pointer", "key": read.key, "data": read.data}
    assert isinstance(read, NotALead)
    return {"type": "not_a_lead", "outcome": read.outcome, "reason": read.reason}


def lead_json(lead: Lead) -> dict[str, Any]:
    """A lead's fields that are not empty."""
    dumped = lead.model_dump(exclude_defaults=True)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in dumped.items()}

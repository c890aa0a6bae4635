"""Pages behind the links of notices: a person accepts or claims an OPV by pressing a button, without logging in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from opv.distribution.by_link import Shown, follow, look
from opv.house import House
from opv.links import Deed
from schemas.errors import Reject
from web.api.auth import Desk

_STYLE = """
body{font:18px/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem;color:#222}
button{font:inherit;padding:.8rem 2rem;border:0;border-radius:.4rem;background:#176b3a;color:#fff}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

_ASKED: Mapping[Deed, tuple[str, str]] = {
    "accept": ("Um lead espera pelo seu aceite.", "Aceitar"),
    "claim": ("Há um lead disponível. Quem pegar primeiro, atende.", "Pegar"),
}
_DONE: Mapping[Deed, str] = {"accept": "Aceito", "claim": "É seu"}
_REFUSED = {
    "link_wrong": "Este link não existe.",
    "link_expired": "Este link venceu.",
    "too_late": "O prazo para aceitar terminou: o lead segue para outra pessoa.",
    "already_claimed": "Outra pessoa foi mais rápida: o lead já foi atendido.",
    "offer_over": "A oferta terminou.",
    "queue_paused": "A fila está em pausa no momento.",
    "may_not_claim": "No momento você não pode pegar este lead.",
}
_TAKEN = "Este lead já foi aceito ou está com outra pessoa."


def router(desk: Desk) -> APIRouter:
    """The pages. Reading one changes nothing: programs look at links before people do."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/accept/{token}")
    def show_acceptance(token: str) -> HTMLResponse:
        return _ask(desk, "accept", token)

    @routes.post("/accept/{token}")
    def accept(token: str) -> HTMLResponse:
        return _do(desk, "accept", token)

    @routes.get("/claim/{token}")
    def show_claim(token: str) -> HTMLResponse:
        return _ask(desk, "claim", token)

    @routes.post("/claim/{token}")
    def claim(token: str) -> HTMLResponse:
        return _do(desk, "claim", token)

    return routes


def _ask(desk: Desk, deed: Deed, token: str) -> HTMLResponse:
    words, button = _ASKED[deed]

    def ask(tx: Connection, house: House) -> str:
        shown = look(tx, house, deed, token, desk.clock())
        form = f'<form method="post"><button>{button}</button></form>'
        return f"<h1>{_title(shown)}</h1><p>{words}</p>{form}"

    return _page(lambda: _read(desk, ask))


def _do(desk: Desk, deed: Deed, token: str) -> HTMLResponse:
    def do() -> str:
        with desk.database.write() as tx:
            shown = follow(tx, desk.house(tx), deed, token, desk.clock())
        for step in sorted(shown.woken):
            desk.wake(step)
        phone = escape(shown.phone or "")
        called = f'<p><a href="tel:{phone}">{phone}</a></p>' if phone else "<p>Sem telefone: veja no sistema.</p>"
        client = escape(shown.client or "Cliente sem nome")
        return f"<h1>{_DONE[deed]}</h1><p>{_title(shown)}</p><p><strong>{client}</strong></p>{called}"

    return _page(do)


def _read(desk: Desk, show: Callable[[Connection, House], str]) -> str:
    with desk.database.read() as tx:
        return show(tx, desk.house(tx))


def _page(make: Callable[[], str]) -> HTMLResponse:
    """The page, or in words why there is none."""
    try:
        body, status = make(), 200
    except Reject as refused:
        body, status = f"<h1>{escape(_REFUSED.get(refused.reason, _TAKEN))}</h1>", refused.status
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>OPV</title>'
    html = f'<!doctype html>\n<html lang="pt-BR"><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>\n'
    return HTMLResponse(html, status, _HEADERS)


def _title(shown: Shown) -> str:
    return escape(" · ".join(filter(None, (f"OPV {shown.number}", shown.development))))

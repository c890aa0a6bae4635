"""The API as one application, served below the intake: `/api/v1/…`, health, metrics and the front page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from db.session import Database
from opv.house import HouseOf, HouseTried
from schemas.files import Files
from schemas.target import Target
from web import health, links, metrics
from web.api import (
    actions,
    answers,
    attachments,
    automations,
    availability,
    clients,
    conversion,
    data_subjects,
    deliveries,
    distribution,
    excluded,
    funnel,
    notices,
    offers,
    operations,
    opvs,
    outbound,
    pending_items,
    queues,
    reports,
    sales,
    undistributed,
    withdrawals,
)
from web.api.auth import Desk
from web.api.problems import Problem, install

PREFIX = "/api/v1"

_FRONT_PAGE = f"""<!doctype html>
<html lang="pt-BR">
<head><meta charset="utf-8"><title>Porteiro</title></head>
<body>
<h1>Porteiro</h1>
<p>Recebe cada lead, transforma em OPV e leva ao corretor certo.</p>
<ul>
<li><a href="{PREFIX}/openapi.json">Descrição da API (OpenAPI)</a></li>
<li><a href="/healthz">Processo</a></li>
<li><a href="/readyz">Prontidão</a></li>
<li><a href="/metrics">Métricas</a></li>
</ul>
</body>
</html>
"""

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in (
        (400, "The cursor is not one of this list"),
        (401, "No token, or an unknown one"),
        (403, "The person may not"),
        (404, "There is no such thing, or the person does not see it"),
        (409, "The state of things does not allow it"),
        (413, "A file is too large"),
        (422, "A parameter is unknown or wrong"),
        (503, "The database does not answer"),
    )
}


def create_api(
    database: Database,
    house: HouseOf,
    wake: Callable[[str], None],
    clock: Callable[[], datetime],
    files: Files,
    targets: Mapping[str, Target] | None = None,
    tried: HouseTried | None = None,
) -> FastAPI:
    """The application. `wake` asks for a step of the pipeline soon and never raises; `clock` gives aware times; `files`
    is where attachments are; `targets`, by slug, are asked while a person waits; `tried` reads what is simulated."""
    api = FastAPI(
        title="Porteiro",
        version="1",
        description="Leads, the OPVs that came of them, and the work in between.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.desk = desk = Desk(database, house, wake, clock, files, targets or {}, tried)
    install(api)
    parts = (
        opvs, funnel, actions, answers, clients, excluded, data_subjects, conversion, pending_items, attachments,
        withdrawals, sales, deliveries, operations, automations, outbound, availability, queues, undistributed,
        distribution, reports, offers, notices,
    )  # fmt: skip
    for part in parts:
        api.include_router(part.router, prefix=PREFIX, responses=_PROBLEMS)
    api.include_router(health.router(database, clock))
    api.include_router(metrics.router(database, clock))
    api.include_router(links.router(desk))
    api.add_api_route("/", _front_page, include_in_schema=False, response_class=HTMLResponse)
    return api


async def _front_page() -> HTMLResponse:
    return HTMLResponse(_FRONT_PAGE)

"""The web application: the webhook intake, and beside it everything else (API, console) as one ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def create_app(*, intake: ASGIApp, api: ASGIApp, lifespan: Lifespan | None = None) -> Router:
    """The application to serve. `intake` answers every method on `/hooks/{channel}`; `api` the rest. `lifespan`
    starts and stops what both need: a mounted application's own is not run.

    It is Starlette's router alone: the two middlewares of a `Starlette` object turn exceptions into answers, which
    both parts do themselves, and cost more than the routing.
    """
    return Router(
        routes=[Route("/hooks/{channel}", intake), Route("/hooks/{channel}/", intake), Mount("/", api)],
        redirect_slashes=False,  # senders do not follow the redirect of a POST
        lifespan=lifespan,
    )

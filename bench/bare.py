"""The web process with a store that stores nothing: what server, route, verification and masking cost alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from db.queries.intake import NewDelivery
from porteiro.build import Runtime, now
from porteiro.settings import Settings
from web.api.app import create_api
from web.app import create_app
from web.intake.endpoint import Intake
from web.intake.refusals import RefusalCounter


class NoStore:
    """Takes a request and forgets it."""

    async def store(self, row: NewDelivery) -> None:
        """Returns at once."""


def main() -> None:
    """Serves until told to stop."""
    settings = Settings()
    runtime = Runtime(settings)
    runtime.houses.refresh(runtime.database)
    intake = Intake(runtime.houses.entrances, NoStore(), RefusalCounter(runtime.database, now), now)
    api = create_api(runtime.database, runtime.houses.current, lambda _step: None, now, runtime.files)

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        yield

    app = create_app(intake=intake, api=api, lifespan=lifespan)
    uvicorn.run(app, host="127.0.0.1", port=settings.port, access_log=False, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()

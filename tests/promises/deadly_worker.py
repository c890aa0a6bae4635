"""A worker of which one source's reader kills its process: `python -m tests.promises.deadly_worker`."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from adapters.sources.form import Form
from porteiro.build import run_worker
from porteiro.settings import Settings
from schemas.source import Entrance, Read, Request

DEADLY = "mata o processo"
"""A body that holds this ends whoever reads it."""


class DeadlyForm(Form):
    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        if DEADLY.encode() in request.body:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(request, entrance)


if __name__ == "__main__":
    run_worker(Settings(), extra_sources=(DeadlyForm(),))

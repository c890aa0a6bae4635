"""Commands that say how the house does: `status`, `work`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from porteiro.cli.screen import AsJson, Opened, built, console, opened, show_json, show_table
from schemas.operations import ChannelItem, StepWork

if TYPE_CHECKING:
    from porteiro.build import Runtime
    from web.health import Check

_WORK = ("Passo", "Na lista", "Mais antigo (s)", "Por minuto", "Falhas", "Parados")
_CHANNELS = ("Canal", "Fonte", "Última entrega", "24 h", "Resultados", "Recusas", "Último motivo")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (status, work):
        app.command()(command)


def status(as_json: AsJson = False) -> None:
    """Whether all is well: database, message broker, configuration, work, channels. Exit code 1 when it is not."""
    from web.health import checks

    with built() as program:
        found = [*checks(program.database, program.clock()), _broker(program)]
    ready = all(check.ok for check in found)
    readable = all(check.ok for check in found if check.name in ("database", "schema"))
    steps, channels, at = _figures() if readable else ([], [], None)
    if as_json:
        listed = [asdict(check) for check in found]
        show_json({"ready": ready, "checks": listed, "work": steps, "channels": channels})
    else:
        for check in found:
            mark = Text("ok   ", "green") if check.ok else Text("falta", "red")
            console().print(mark, Text(f"{check.name}: {check.detail}"))
        if at is not None:
            show_table("Trabalho", _WORK, _step_rows(steps))
            show_table("Canais", _CHANNELS, _channel_rows(channels, at))
    if not ready:
        raise typer.Exit(1)


def work(as_json: AsJson = False) -> None:
    """Shows each step's work list."""
    from db.queries.work import work as read

    with opened() as at:
        steps = read(at.tx, at.program.clock())
    if as_json:
        show_json({"items": steps, "next": None})
    else:
        show_table("Trabalho", _WORK, _step_rows(steps))


def _figures() -> tuple[Sequence[StepWork], Sequence[ChannelItem], Opened]:
    from db.queries import channels
    from db.queries.work import work as read

    with opened() as at:
        now = at.program.clock()
        return read(at.tx, now), channels.channels(at.tx, now), at


def _step_rows(steps: Sequence[StepWork]) -> list[tuple[Any, ...]]:
    return [(one.step, one.depth, one.oldest_seconds, one.rate, one.failures, one.parked) for one in steps]


def _channel_rows(channels: Sequence[ChannelItem], at: Opened) -> list[tuple[Any, ...]]:
    return [
        (
            f"{one.key} (aposentado)" if one.retired else one.key,
            one.source,
            at.moment(one.last_delivery_at),
            one.deliveries_24h,
            ", ".join(f"{outcome} {count}" for outcome, count in one.outcomes_24h.items()),
            one.refusals.total,
            one.refusals.last_reason,
        )
        for one in channels
    ]


def _broker(program: Runtime) -> Check:
    from kombu.exceptions import OperationalError

    from web.health import Check

    scheme = program.settings.broker.partition(":")[0]
    if scheme == "filesystem":
        return Check("message broker", True, "files of this machine")
    try:
        with program.celery().connection_for_write(connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except (OperationalError, OSError) as error:
        detail = f"{scheme} does not answer ({type(error).__name__}): is it up, and BROKER_URL right?"
        return Check("message broker", False, detail)
    return Check("message broker", True, f"{scheme} answers")

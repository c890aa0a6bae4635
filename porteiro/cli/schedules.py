"""The command that says how scheduled automations do: `schedules`."""

from __future__ import annotations

from typing import Any

import typer

from porteiro.cli.screen import AsJson, Opened, opened, show_json, show_table
from schemas.schedules import RunUnderWay, ScheduleItem

_SCHEDULES = ("Automação", "Cron", "Próxima", "Atraso (s)", "Em andamento", "Últimas")
_RESULTS = {"done": "feita", "timed_out": "passou do tempo", "stopped": "interrompida", "skipped": "não feita"}
_SHOWN = 3
"""Last runs that a line of the table shows."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(schedules)


def schedules(as_json: AsJson = False) -> None:
    """Shows scheduled automations: the next time, the run under way, the last ones."""
    from db.queries.schedules import schedules as read

    with opened() as at:
        items = read(at.tx, at.program.clock())
    if as_json:
        show_json({"items": items, "next": None})
    else:
        show_table("Automações agendadas", _SCHEDULES, [_row(one, at) for one in items])


def _row(one: ScheduleItem, at: Opened) -> tuple[Any, ...]:
    last = [
        f"{at.moment(run.planned_at)}: {_RESULTS.get(run.result, run.result)}, {run.matched} de {run.seen}"
        for run in one.last[:_SHOWN]
    ]
    return (
        f"{one.automation} (em pausa)" if one.paused else one.automation,
        f"{one.cron} ({one.zone})",
        at.moment(one.next_at),
        round(one.lateness_seconds),
        _under_way(one.running, at),
        "\n".join(last),
    )


def _under_way(run: RunUnderWay | None, at: Opened) -> str:
    if run is None:
        return ""
    return f"de {at.moment(run.planned_at)}: {run.matched} de {run.seen} OPVs, {run.share:.0%}"

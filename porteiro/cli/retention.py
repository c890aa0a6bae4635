"""`porteiro retention`: raw requests whose time is over."""

from __future__ import annotations

from typing import Annotated

import typer

from porteiro.cli.screen import AsJson, built, show_json, show_table
from schemas.data_subject import RetentionItem


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("retention")(retention)


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show how many are due.")] = False,
    as_json: AsJson = False,
) -> None:
    """Blanks raw requests that the configuration says are kept no longer; the upkeep step does so every day."""
    from opv.retention import Walk, blank_some, due

    with built() as program:
        now = program.clock()
        with program.database.read() as tx:
            wanted = program.houses.current(tx).configuration.retention
            found = due(tx, wanted, now)
        if not dry_run:
            walk, blanked = Walk.of("{}", wanted, now), 1
            while blanked:
                with program.database.write() as tx:
                    blanked, walk = blank_some(tx, walk, now)
            program.database.empty_log()
    if as_json:
        show_json([one.model_dump() for one in found])
    else:
        _show(found, dry_run=dry_run)


def _show(found: list[RetentionItem], *, dry_run: bool) -> None:
    columns = ("Resultado", "Guardar por", "A apagar" if dry_run else "Apagadas")
    show_table("Retenção dos pedidos", columns, [(one.outcome, one.keep or "para sempre", one.due) for one in found])

"""`porteiro import`: a file of leads, looked at first, then stored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from porteiro.cli.configuration import is_terminal
from porteiro.cli.screen import AsJson, bar, built, show_fields, show_json, show_table
from schemas.errors import PorteiroError, Reject

if TYPE_CHECKING:
    from uuid import UUID

    from porteiro.build import Runtime
    from porteiro.importing.mapping import Column
    from porteiro.importing.reading import Table
    from porteiro.importing.run import Survey
    from schemas.source import Entrance

_SAMPLED = 50
_WHY = {"told": "--map", "channel": "canal", "guessed": "pelo nome", "unknown": "resposta"}
_VERDICTS = {
    "new": "Novas",
    "repeated": "Já recebidas",
    "fetching": "Já avisadas pela plataforma, aguardam a busca",
    "test": "De teste",
    "rejected": "Recusadas",
}
_OUTCOMES = {"pending": "Na fila", "captured": "Captadas", "repeated": "Já recebidas", "parked": "Paradas",
             "test": "De teste", "ignored": "Ignoradas"}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import")(import_file)


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, TSV or .xlsx.", exists=True, dir_okay=False, metavar="FILE")],
    channel: Annotated[str, typer.Option(help="Key of the channel that the leads come in by.")],
    told: Annotated[
        list[str] | None,
        typer.Option("--map", help="What a column holds: 'Column=field'; '-' leaves it out.", metavar="COLUMN=FIELD"),
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of an Excel file; the first one if left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would come in.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the leads' outcomes and show them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Imports a file of leads: shows what is in it, asks, and stores the new lines for the pipeline."""
    from porteiro.importing.reading import open_table
    from porteiro.importing.run import survey, write_rejected

    table = open_table(file, sheet)
    with built() as program:
        entrance = _entrance(program, channel)
        columns, samples = _columns(table, told or (), entrance)
        if not as_json:
            _show_columns(table, entrance, columns, samples)
        with ExitStack() as kept:
            with bar("lendo", None) as seen:
                found = kept.enter_context(survey(program.database, entrance, table, columns, seen))
            report: dict[str, Any] = {"columns": {one.name: one.field for one in columns}, **_figures(found)}
            if not as_json:
                _show_survey(found)
            if not dry_run and found.lines:
                _confirm(found, yes)
                report["rejected_file"] = write_rejected(table, found)
                report |= _take(program, entrance, found, wait)
    if as_json:
        show_json(report)
    elif "stored" in report:
        _show_end(report)


def _entrance(program: Runtime, channel: str) -> Entrance:
    with program.database.read() as tx:
        entrances = program.houses.current(tx).entrance_by_key
    found = entrances.get(channel)
    if found is None or found.retired:
        known = ", ".join(key for key, one in entrances.items() if not one.retired) or "none"
        raise Reject("unknown_channel", f"there is no channel {channel}; there is: {known}", 404)
    return found


def _columns(table: Table, told: Sequence[str], entrance: Entrance) -> tuple[Sequence[Column], Sequence[Sequence[str]]]:
    from porteiro.importing.mapping import map_columns

    samples = [row.cells for row in islice(table.rows(), _SAMPLED)]
    columns = map_columns(table.columns, samples, told, entrance.mapping)
    if not any(column.field in ("phone", "email") for column in columns):
        names = ", ".join(table.columns)
        detail = f"no column is known to hold a phone or e-mail: say which by --map 'Column=phone'; there is: {names}"
        raise Reject("no_contact_column", detail)
    return columns, samples


def _show_columns(
    table: Table, entrance: Entrance, columns: Sequence[Column], samples: Sequence[Sequence[str]]
) -> None:
    fields = (
        ("Tipo", table.rows_of_file.kind),
        ("Cabeçalho", f"linha {table.header_row}"),
        ("Canal", f"{entrance.key} ({entrance.source.title})"),
    )
    show_fields(table.path.name, fields)
    rows = []
    for column in columns:
        values = (row[column.position] for row in samples if column.position < len(row))
        shown = list(dict.fromkeys(value.strip()[:40] for value in values if value.strip()))[:3]
        rows.append((column.name, column.field, _WHY[column.why], " | ".join(shown)))
    show_table("Colunas", ("Coluna", "Campo", "Como", "Exemplos"), rows)


def _figures(found: Survey) -> dict[str, Any]:
    from porteiro.importing.lines import Verdict

    return {"lines": {one.value: found.counts[one] for one in Verdict}, "reasons": dict(found.reasons)}


def _show_survey(found: Survey) -> None:
    from porteiro.importing.lines import REASONS

    show_table(
        "O que há no arquivo",
        ("Linhas", "Quantas"),
        [(_VERDICTS[one.value], times) for one, times in found.counts.items()],
    )
    if found.reasons:
        show_table("Recusadas", ("Motivo", "Linhas"), [(REASONS[one], n) for one, n in found.reasons.most_common()])
        show_table("As primeiras", ("Linha", "Motivo"), [(number, REASONS[one]) for number, one in found.examples])


def _confirm(found: Survey, yes: bool) -> None:
    from porteiro.importing.lines import Verdict

    if yes:
        return
    if not is_terminal():
        raise PorteiroError("not_confirmed", "nobody can be asked here: say --yes, or --dry-run to see")
    typer.confirm(f"Importar {found.counts[Verdict.NEW]} linhas?", abort=True, err=True)


def _take(program: Runtime, entrance: Entrance, found: Survey, wait: bool) -> dict[str, Any]:
    """Stores the new lines and wakes ingest; with `wait`, what became of them."""
    from porteiro.importing.lines import Verdict
    from porteiro.importing.run import await_outcomes, store
    from workers.app import publisher
    from workers.wake import Waker

    waker = Waker(publisher(program.celery()))
    waker.start()
    ids: list[UUID] = []
    stored = 0
    try:
        with bar("guardando", found.counts[Verdict.NEW]) as seen:
            for chunk in store(program.database, entrance, found, program.clock, seen):
                stored += len(chunk)
                ids += chunk if wait else []
                waker.wake("ingest")
        if not wait:
            return {"stored": stored}
        with bar("captando", stored) as seen:
            done = await_outcomes(program.database, ids, lambda _: waker.wake("ingest"), seen)
        return {"stored": stored, "outcomes": {one.value: times for one, times in done.items()}}
    except KeyboardInterrupt:
        typer.echo(f"interrompido com {stored} linhas guardadas: rode de novo para continuar", err=True)
        raise typer.Exit(130) from None
    finally:
        waker.stop()


def _show_end(report: dict[str, Any]) -> None:
    from porteiro.importing.run import CHUNK, PACE

    soon = report["stored"] // CHUNK * PACE.seconds
    when = "" if report.get("outcomes") else f"; a última entra em cerca de {soon} s" if soon else "; entram já"
    typer.echo(f"{report['stored']} linhas guardadas{when}")
    if report.get("outcomes"):
        show_table(
            "Resultados", ("Envios", "Quantos"), [(_OUTCOMES[one], times) for one, times in report["outcomes"].items()]
        )
    if report["rejected_file"]:
        typer.echo(f"as recusadas estão em {report['rejected_file']}: corrija e importe esse arquivo")

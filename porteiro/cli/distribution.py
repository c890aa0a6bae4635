"""`porteiro distribution`: rules tried on past leads before they are applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porteiro.cli.screen import AsJson, built, console, read_moment, show_json, show_table
from schemas.errors import Reject
from schemas.simulation import ShareItem, Simulation, Waits, begin_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from porteiro.build import Runtime
    from porteiro.configuration.changes import Change
    from porteiro.settings import Settings
    from schemas.config import Configuration

LAST_DAYS = "30d"
"""How far back a simulation goes that is not told."""

_MOST = 40
"""Lines of a table."""

RulesFile = Annotated[
    Path, typer.Option("--rules", help="A configuration file, or one with only the sections that are to change.")
]
Since = Annotated[str, typer.Option("--since", help="How far back, as 30d, or from which day or time on.")]
Until = Annotated[str | None, typer.Option("--until", help="Before this day or time; now if left out.")]
Chart = Annotated[Path | None, typer.Option("--chart", help="Draw a chart (SVG) into this file.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, help="Rules tried on past leads.")
    group.callback()(lambda: None)  # so that one command is a command of the group, and not the group
    group.command()(simulate)
    app.add_typer(group, name="distribution")


def simulate(
    rules: RulesFile, since: Since = LAST_DAYS, until: Until = None, as_json: AsJson = False, chart: Chart = None
) -> None:
    """Shows who would have got past leads under other rules, against what happened. Nothing is written."""
    from porteiro.configuration.tried import load_tried_file
    from porteiro.settings import secrets

    with built() as program:
        in_force = _in_force(program)
        configuration, problems = load_tried_file(rules, in_force, program.sources, secrets(program.settings))
        for problem in problems:
            typer.echo(str(problem), err=True)
        if configuration is None:
            raise typer.Exit(1)
        run(program, configuration, since, until, as_json=as_json, chart=chart)


def run(
    program: Runtime,
    configuration: Configuration,
    since: str,
    until: str | None = None,
    *,
    as_json: bool = False,
    chart: Path | None = None,
) -> None:
    """Simulates the configuration and shows the outcome."""
    from opv.distribution.simulation import simulate as replay
    from opv.house import build_house
    from web.api.simulation_chart import chart_of

    with program.database.snapshot() as tx:
        before = program.houses.current(tx)
        end = read_moment(until, before.zone) if until else program.clock()
        begin = begin_of(since, end, before.zone)
        found = replay(tx, build_house(before.version, configuration, before.entrances), before, begin, end)
    if chart is not None:
        chart.write_bytes(chart_of(found, before.zone))
    if as_json:
        show_json(found)
    else:
        _show(found, before.zone)


def tried_first(changes: Iterable[Change]) -> bool:
    """Whether changes may give leads to other brokers."""
    from porteiro.configuration.tried import PARTS

    return any(change.section.partition(".")[0] in PARTS for change in changes)


def offer(settings: Settings, file: Path, configuration: Configuration, *, ask: bool) -> None:
    """Simulates the configuration before it is applied, if a person who can be asked wants that; says how it is done to
    whoever cannot."""
    from porteiro.build import build

    if not ask:
        typer.echo(
            f"to try it on past leads first: porteiro distribution simulate --rules {file} --since 30d", err=True
        )
        return
    answer = typer.prompt("Simular com os últimos 30 dias antes? [s/N]", default="n", show_default=False, err=True)
    if not answer.strip().lower().startswith(("s", "y")):
        return
    program = build(settings)
    try:
        run(program, configuration, LAST_DAYS)
    except Reject as error:
        typer.echo(error.detail, err=True)
    finally:
        program.database.dispose()


def _in_force(program: Runtime) -> Configuration:
    with program.database.read() as tx:
        return program.houses.current(tx).configuration


def _show(found: Simulation, zone: ZoneInfo) -> None:
    period = f"{found.since.astimezone(zone):%d/%m/%Y %H:%M} a {found.until.astimezone(zone):%d/%m/%Y %H:%M}"
    console().print(f"{found.leads} leads, {period}; {found.moved} iriam para outra pessoa. Nada foi gravado.\n")
    for title, items in (("Corretores", found.brokers), ("Equipes", found.teams), ("Filas", found.queues)):
        _show_shares(title, items)
    waits = [("Antes", *_texts(found.waits_then)), ("Simulado", *_texts(found.waits_now))]
    show_table("Espera até ter quem atenda", ("", "Leads", "Mediana", "90%", "Maior"), waits)
    if found.undistributed:
        reasons = [(one.reason, one.then, one.now) for one in found.undistributed]
        show_table("Sem corretor, por motivo", ("Motivo", "Antes", "Simulado"), reasons)
    developments: Iterable[Sequence[object]] = (
        (
            one.name, one.leads, one.moved, one.nobody_then, one.nobody_now, _span(one.median_then),
            _span(one.median_now),
        )
        for one in found.developments[:_MOST]
    )  # fmt: skip
    names = ("Nome", "Leads", "Mudariam", "Sem corretor", "Simulado", "Espera (mediana)", "Simulada")
    show_table("Empreendimentos", names, developments)
    if found.sample:
        sample = [
            (one.number, f"{one.at.astimezone(zone):%d/%m %H:%M}", one.then, one.now, one.why) for one in found.sample
        ]
        show_table("Alguns dos que mudariam", ("OPV", "Quando", "Antes", "Simulado", "Por quê"), sample)


def _show_shares(title: str, items: Sequence[ShareItem]) -> None:
    rows: list[Sequence[object]] = [
        (one.name, one.then, _percent(one.then_share), one.now, _percent(one.now_share), f"{one.difference:+}")
        for one in items[:_MOST]
    ]
    if len(items) > _MOST:
        rows.append((f"… e mais {len(items) - _MOST} (--json mostra todos)", "", "", "", "", ""))
    show_table(title, ("Nome", "Antes", "%", "Simulado", "%", "Diferença"), rows)


def _texts(waits: Waits) -> tuple[object, ...]:
    return waits.count, _span(waits.median), _span(waits.p90), _span(waits.longest)


def _percent(share: float) -> str:
    return f"{share * 100:.1f}".replace(".", ",")


def _span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"

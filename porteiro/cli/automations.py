"""Commands about automations: `porteiro automations`, with what they do, did and would do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from porteiro.cli.in_name import As, named, read
from porteiro.cli.screen import AsJson, Limit, Opened, built, opened, show_fields, show_json, show_table
from schemas.automations import PauseBody, ResumedItem, RunFilters, RunItem

if TYPE_CHECKING:
    from schemas.automations import AutomationItem, Backtest, DryRun, PausedItem

_LISTED = (
    "Automação", "Nome", "Gatilho", "Ativa", "Pausada", "Falhas seguidas", "Execuções em 24 h", "Esperam",
    "Última execução",
)  # fmt: skip
_RUNS = (
    "Id", "Automação", "OPV", "Gatilho", "Fato", "Em", "Resultado", "Porquê", "Passos", "Falta fazer", "Espera até",
)  # fmt: skip
_STEPS = ("Quando", "Ação", "Resultado", "Motivo", "Fato", "Porquê")
_ACTIONS = ("Ação", "Feita", "Sem efeito", "Recusada")
_SAMPLES = ("OPV", "Quando", "Resultado", "Passos")

Key = Annotated[str, typer.Argument(help="Key of the automation.", metavar="KEY")]
OnOpv = Annotated[str, typer.Option("--opv", help="Number or id of the OPV.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, help="Automations: how they do, what they did, what they would do.")
    group.command("list")(list_automations)
    group.command("show")(show_automation)
    group.command("runs")(list_runs)
    group.command("pause")(pause)
    group.command("resume")(resume)
    group.command("run")(run)
    group.command("retry")(retry)
    group.command("dry-run")(try_one)
    group.command("backtest")(try_past)
    app.add_typer(group, name="automations")


def list_automations(as_json: AsJson = False) -> None:
    """Shows the automations of the configuration and how each does."""
    from opv.automation.show import automations

    with opened() as at:
        found = automations(at.tx, at.program.houses.current(at.tx), None, at.program.clock())
        if as_json:
            show_json({"items": found, "next": None})
        else:
            show_table("Automações", _LISTED, [_line(one, at) for one in found])


def show_automation(key: Key, as_json: AsJson = False) -> None:
    """Shows an automation as it is configured, how it does, and its last runs."""
    import yaml

    from opv.automation.show import automation

    with opened() as at:
        one = automation(at.tx, at.program.houses.current(at.tx), None, at.program.clock(), key)
        if as_json:
            show_json(one)
            return
        show_fields(key, zip(_LISTED[1:], _line(one, at)[1:], strict=True))
        typer.echo(yaml.safe_dump(one.configured, allow_unicode=True, sort_keys=False))
        show_table("Últimas execuções", _RUNS, [_run_line(run, at) for run in one.runs])


def list_runs(
    key: Annotated[str | None, typer.Argument(help="Key of the automation.", metavar="[KEY]")] = None,
    opv: Annotated[str | None, typer.Option(help="Number or id of the OPV.")] = None,
    result: Annotated[str | None, typer.Option(help="Runs with this result.")] = None,
    trigger: Annotated[str | None, typer.Option(help="Kind of the entry, or timer, cron, run, hand.")] = None,
    since: Annotated[str | None, typer.Option(help="From this time on, ISO 8601.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Shows what automations did, the newest first."""
    from opv.automation.show import runs

    with opened() as at:
        filters = read(
            RunFilters, automation=key, opv=opv, result=result, trigger=trigger, since=at.since(since), limit=limit
        )
        page = runs(at.tx, at.program.houses.current(at.tx), None, filters)
        if as_json:
            show_json(page)
        else:
            show_table("Execuções", _RUNS, [_run_line(one, at) for one in page.items])


def pause(
    key: Key, because: Annotated[str, typer.Option("--because", help="Why.")], by: As, as_json: AsJson = False
) -> None:
    """Lets an automation do nothing until it is resumed; what triggers it meanwhile is kept."""
    from opv.automation import by_hand

    said = read(PauseBody, because=because)
    with built() as program, program.database.write() as tx:
        house, viewer = named(program, tx, by)
        item: PausedItem = by_hand.pause(tx, house, viewer, program.clock(), key, said.because)
    if as_json:
        show_json(item)
    else:
        typer.echo(f"{key}: paused by {item.by}")


def resume(
    key: Key,
    by: As,
    missed: Annotated[bool, typer.Option("--missed", help="Do now what was triggered during the pause.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lets an automation go on."""
    from db.queries.automations import paused_count
    from opv.automation import by_hand

    total, after, more = 0, None, missed
    with built() as program:
        with program.database.write() as tx:
            house, viewer = named(program, tx, by)
            by_hand.resume(tx, house, viewer, key)
        while more:
            with program.database.write() as tx:
                house, viewer = named(program, tx, by)
                count, after = by_hand.resume_missed(tx, house, viewer, program.clock(), key, after)
            total, more = total + count, after is not None
        with program.database.read() as tx:
            left = paused_count(tx, key)
    if as_json:
        show_json(ResumedItem(key=key, missed=total, left=left))
    else:
        typer.echo(f"{key}: goes on, with {total} runs of the pause; {left} stay paused")


def run(key: Key, opv: OnOpv, by: As, as_json: AsJson = False) -> None:
    """Has an automation run on an OPV now, though it is paused, if its condition holds."""
    from opv.automation import by_hand

    with built() as program, program.database.write() as tx:
        house, viewer = named(program, tx, by)
        ran = by_hand.run(tx, house, viewer, program.clock(), key, opv)
    _show_run(ran.ids[0], as_json)


def retry(
    run: Annotated[UUID | None, typer.Argument(help="Id of the run.", metavar="[RUN]")] = None,
    automation: Annotated[str | None, typer.Option(help="All of this automation that failed.")] = None,
    since: Annotated[str, typer.Option(help="Of these: how far back, as 1d, or from which time on.")] = "1d",
    *,
    by: As,
    as_json: AsJson = False,
) -> None:
    """Tries a run again that failed or is paused, from where it is; or all of an automation that failed."""
    from opv.automation import by_hand

    if (run is None) == (automation is None):
        raise typer.BadParameter("name a run, or say --automation")
    if automation is not None:
        _retry_all(automation, since, by, as_json)
    elif run is not None:
        with built() as program, program.database.write() as tx:
            house, viewer = named(program, tx, by)
            by_hand.retry(tx, house, viewer, program.clock(), run)
        _show_run(run, as_json)


def try_one(key: Key, opv: OnOpv, as_json: AsJson = False) -> None:
    """Shows what an automation would do to an OPV now. Nothing is written."""
    from opv.automation.dry_run import dry_run

    with opened() as at:
        found = dry_run(at.tx, at.program.houses.current(at.tx), None, at.program.clock(), key, opv)
        if as_json:
            show_json(found)
        else:
            _show_dry_run(found, at)


def try_past(
    key: Key,
    since: Annotated[str, typer.Option(help="How far back, as 30d, or from which day or time on.")] = "30d",
    as_json: AsJson = False,
) -> None:
    """Shows what an automation would have done to the past. Nothing is written."""
    from opv.automation.backtest import backtest
    from schemas.simulation import begin_of

    with opened() as at:
        house, until = at.program.houses.current(at.tx), at.program.clock()
        found = backtest(at.tx, house, None, key, begin_of(since, until, house.zone), until)
        if as_json:
            show_json(found)
        else:
            _show_backtest(found, at)


def _retry_all(key: str, since: str, by: str, as_json: bool) -> None:
    from db.queries.automations import failed_ids
    from opv.automation import by_hand
    from schemas.simulation import begin_of

    results: Counter[str] = Counter()
    with built() as program:
        with program.database.read() as tx:
            house, _ = named(program, tx, by)
            ids = failed_ids(tx, key, begin_of(since, program.clock(), house.zone))
        for begin in range(0, len(ids), by_hand.CHUNK):
            with program.database.write() as tx:
                house, viewer = named(program, tx, by)
                some = ids[begin : begin + by_hand.CHUNK]
                results += by_hand.retry_some(tx, house, viewer, program.clock(), key, some).results
    if as_json:
        show_json({"automation": key, "results": results})
    else:
        told = ", ".join(f"{result} {count}" for result, count in results.items())
        typer.echo(f"{key}: {results.total()} runs tried again ({told})" if told else f"{key}: no run failed")


def _show_run(ident: UUID, as_json: bool) -> None:
    from opv.automation.show import run as found

    with opened() as at:
        one = found(at.tx, at.program.houses.current(at.tx), None, ident)
        if as_json:
            show_json(one)
            return
        show_fields(str(one.id), zip(_RUNS[1:8], _run_line(one, at)[1:8], strict=True))
        _show_steps(one.steps, at)
        made = ", ".join(f"{entry.seq} {entry.kind}" for entry in one.entries)
        typer.echo(f"Fatos no histórico: {made or 'nenhum'}")


def _line(one: AutomationItem, at: Opened) -> tuple[object, ...]:
    paused = one.paused and f"{at.moment(one.paused.at)}, {one.paused.by}: {one.paused.because}"
    results = ", ".join(f"{result} {count}" for result, count in sorted(one.runs_24h.items()))
    return (
        one.key, one.name, one.trigger, one.active, paused, one.failures, results, one.waiting,
        at.moment(one.last_run_at),
    )  # fmt: skip


def _run_line(one: RunItem, at: Opened) -> tuple[object, ...]:
    trigger = f"{one.trigger} por {one.asked_by}" if one.asked_by else one.trigger
    until = at.moment(one.due_at) if one.result == "waiting" else None
    return (
        one.id, one.automation, one.number, trigger, one.seq, at.moment(one.at), one.result, one.because,
        "; ".join(map(_step, one.steps)), ", ".join(name for action in one.left for name in action), until,
    )  # fmt: skip


def _step(step: dict[str, Any]) -> str:
    return " ".join(filter(None, (step.get("action"), step.get("result"), step.get("reason"))))


def _show_steps(steps: list[dict[str, Any]], at: Opened) -> None:
    rows = [
        (at.since(one.get("at")) and at.moment(at.since(one.get("at"))), one.get("action"), one.get("result"),
         one.get("reason"), one.get("seq"), one.get("because"))
        for one in steps
    ]  # fmt: skip
    show_table("Passos", _STEPS, rows)


def _show_dry_run(found: DryRun, at: Opened) -> None:
    typer.echo(
        f"OPV {found.number}, {found.automation}: {found.result}{f' ({found.because})' if found.because else ''}"
    )
    if found.paused:
        typer.echo("A automação está pausada.")
    _show_steps(found.steps, at)
    typer.echo("Nada foi gravado.")


def _show_backtest(found: Backtest, at: Opened) -> None:
    period = f"{at.moment(found.since)} a {at.moment(found.until)}"
    typer.echo(f"{found.automation}, {period}: disparou {found.fired} vezes, a condição valeu em {found.held}.")
    if found.not_met:
        typer.echo(f"A condição falhou em: {_counts(found.not_met)}")
    if found.as_of_now:
        typer.echo(f"Destes só se conhece o valor de hoje: {', '.join(found.as_of_now)}")
    rows = [(one.action, one.done, _counts(one.skipped), _counts(one.failed)) for one in found.actions]
    show_table("Ações", _ACTIONS, rows)
    samples = [(one.number, at.moment(one.at), one.result, "; ".join(one.steps)) for one in found.samples]
    show_table("As últimas", _SAMPLES, samples)
    typer.echo("Nada foi gravado.")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name or '-'} {count}" for name, count in sorted(counts.items()))

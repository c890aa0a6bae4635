"""`porteiro reconcile`: asks a platform for the leads that its webhook did not bring."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from porteiro.cli.channel_health import active
from porteiro.cli.screen import AsJson, Opened, built, opened, show_json
from schemas.duration import Duration

if TYPE_CHECKING:
    from opv.channels.reconcile import Pulled
    from porteiro.build import Runtime


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("reconcile")(reconcile_channel)


def reconcile_channel(
    channel: Annotated[str, typer.Argument(help="Key of the channel.", metavar="CHANNEL")],
    since: Annotated[str, typer.Option(help="How far back: '2 days', or a time (ISO 8601).")] = "2 days",
    as_json: AsJson = False,
) -> None:
    """Captures the leads that the platform has and the webhook did not bring. Exit code 1 when the platform refuses."""
    with opened() as at:
        begin = _since(since, at)
    with built() as program:
        done = _pull(program, channel, begin)
    if as_json:
        show_json({"channel": channel, "since": done.since, "seen": done.seen, "found": done.found})
        return
    news = "nenhum faltava" if not done.found else f"{done.found} só vieram agora; entram em instantes"
    typer.echo(f"{channel}: {done.seen} leads na plataforma desde {at.moment(begin)}; {news}")


def _pull(program: Runtime, channel: str, since: datetime) -> Pulled:
    from adapters.http import RequestsClient
    from opv.channels.by_hand import reconcile
    from workers.app import publisher
    from workers.wake import Waker

    entrance = active(program, channel)
    with program.database.read() as tx:
        house = program.houses.current(tx)
    pulls = reconcile(program.database, house, entrance, RequestsClient(), program.clock, since)
    waker = Waker(publisher(program.celery()))
    waker.start()
    screen = Console(stderr=True)
    shown = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with Progress(*shown, console=screen, transient=True, disable=not screen.is_terminal) as bar:
            task = bar.add_task(f"{channel}: perguntando", total=None)
            for pulled in pulls:
                bar.update(task, description=f"{channel}: {pulled.seen} vistos, {pulled.found} faltavam")
                waker.wake("ingest")
        return pulled
    finally:
        waker.stop()


def _since(text: str, at: Opened) -> datetime:
    """`2 days` back from now, or the time named."""
    try:
        duration = Duration.parse(text)
    except ValueError:
        moment = at.since(text)
        if moment is None:
            raise typer.BadParameter("say how far back") from None
        return moment
    if duration.kind != "calendar":
        raise typer.BadParameter(f"{text!r}: business time is no time to look back by, write for example '2 days'")
    return at.program.clock() - duration.span

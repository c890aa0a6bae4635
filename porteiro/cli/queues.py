"""Commands about the queues of brokers (roletas): `porteiro queues`, with `pause` and `resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from porteiro.cli.in_name import As, named
from porteiro.cli.screen import AsJson, built, opened, show_json, show_table
from schemas.operations import QueueItem, QueueMemberItem

Key = Annotated[str, typer.Argument(help="Key of the queue.", metavar="QUEUE")]

_LISTED = ("Fila", "Estratégia", "Vez", "Corretor", "Agora", "Atendidos", "Parte", "Crédito", "Último turno", "Ativo")


def register(app: typer.Typer) -> None:
    """Adds the group, which by itself shows the queues."""
    group = typer.Typer(help="Queues of brokers (roletas): shows them; pause, resume.")
    group.callback(invoke_without_command=True)(show)
    group.command("pause")(pause)
    group.command("resume")(resume)
    app.add_typer(group, name="queues")


def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Shows the queues of brokers (roletas), whose turn is next first."""
    from opv.distribution.show import queues

    if context.invoked_subcommand is not None:
        return
    with opened() as at:
        found = queues(at.tx, at.program.houses.current(at.tx), at.program.clock())
    if as_json:
        show_json({"items": found, "next": None})
    else:
        show_table("Filas", _LISTED, [_line(queue, member) for queue in found for member in queue.members])


def pause(queue: Key, by: As, as_json: AsJson = False) -> None:
    """Lets a queue give nothing until it is resumed."""
    _switch("pause", queue, by, as_json)


def resume(queue: Key, by: As, as_json: AsJson = False) -> None:
    """Lets a queue give again."""
    _switch("resume", queue, by, as_json)


def _switch(what: str, queue: str, by: str, as_json: bool) -> None:
    from opv.distribution import pauses

    with built() as program, program.database.write() as tx:
        house, viewer = named(program, tx, by)
        if what == "pause":
            item = pauses.pause(tx, house, viewer, program.clock(), queue)
        else:
            item, _ = pauses.resume(tx, house, viewer, program.clock(), queue)
    if as_json:
        show_json(item)
    else:
        typer.echo(f"{queue}: {f'paused by {item.by}' if item.by else 'gives leads'}")


def _line(queue: QueueItem, member: QueueMemberItem) -> tuple[object, ...]:
    now = "fila em pausa" if queue.paused else member.left_out or "disponível"
    return (
        queue.key, queue.strategy, "próximo" if member.broker == queue.next else "", member.broker, now,
        member.served, f"{member.share:.1%}", member.owed, member.last_turn, member.active,
    )  # fmt: skip

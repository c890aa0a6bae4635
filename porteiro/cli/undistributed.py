"""Commands about OPVs without a broker: `porteiro undistributed`, with `assign`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from porteiro.cli.in_name import As, named, read
from porteiro.cli.screen import AsJson, Limit, Opened, bar, built, opened, show_json, show_table
from schemas.operations import UndistributedFilters, UndistributedItem
from schemas.undistributed import BulkAssignmentBody, BulkAssignmentItem

Why = Annotated[str | None, typer.Option("--because", help="Reason for which nobody serves them.")]
Queue = Annotated[str | None, typer.Option("--in-queue", help="Key of the queue that has nobody for them.")]
Development = Annotated[str | None, typer.Option(help="Key of the development.")]

_LISTED = ("Nº", "Motivo", "Situação", "Fila", "Regra", "Desde", "Espera", "Próxima tentativa", "Empreendimento", "Id")
_STATES = {"waiting": "espera", "offered": "oferecida", "pool": "bolsão", "accepting": "a aceitar"}


def register(app: typer.Typer) -> None:
    """Adds the group, which by itself shows the list."""
    group = typer.Typer(help="OPVs without a broker: shows them; assign.")
    group.callback(invoke_without_command=True)(show)
    group.command("assign")(assign)
    app.add_typer(group, name="undistributed")


def show(
    context: typer.Context,
    because: Why = None,
    state: Annotated[str | None, typer.Option(help="waiting, offered or pool.")] = None,
    queue: Queue = None,
    development: Development = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Shows the OPVs that wait for a broker, and why."""
    from db.queries.undistributed import page

    if context.invoked_subcommand is not None:
        return
    filters = read(UndistributedFilters, reason=because, state=state, queue=queue, development=development, limit=limit)
    with opened() as at:
        now = at.program.clock()
        found = page(at.tx, filters, now)
    if as_json:
        show_json(found)
        return
    told = ", ".join(f"{reason} {count}" for reason, count in sorted(found.counts.by_reason.items()))
    title = f"OPVs sem corretor: {found.counts.total}{f' ({told})' if told else ''}"
    show_table(title, _LISTED, [_line(one, at) for one in found.items])


def assign(
    by: As,
    reason: Annotated[str, typer.Option(help="Why they are given.")],
    opvs: Annotated[
        list[str] | None, typer.Argument(help="Numbers or ids; or narrow them.", metavar="[OPV]...")
    ] = None,
    because: Why = None,
    in_queue: Queue = None,
    development: Development = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    to: Annotated[str | None, typer.Option(help="Key of the broker who gets them.")] = None,
    manager: Annotated[str | None, typer.Option(help="Key of the manager who gets them.")] = None,
    team: Annotated[str | None, typer.Option(help="Key of the team whose manager gets them.")] = None,
    queue: Annotated[str | None, typer.Option("--queue", help="Key of the queue that gives them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Gives OPVs without a broker to somebody, or through a queue; repeated, only those not given yet."""
    narrowed = {"reason": because, "queue": in_queue, "development": development}
    if not (opvs or everything or any(narrowed.values())):
        raise typer.BadParameter("say which: numbers or ids, --because, --in-queue, --development or --all")
    whom = {"broker": to, "manager": manager, "team": team}
    body = read(
        BulkAssignmentBody, opvs=opvs or None, filter=None if opvs else narrowed,
        to=whom if any(whom.values()) else None, queue=queue, reason=reason,
    )  # fmt: skip
    item = _assign_all(by, body)
    if as_json:
        show_json(item)
        return
    typer.echo(f"{item.given} given, {item.already} were already, {len(item.refused)} refused")
    if item.refused:
        rows = [(one.number or one.opv, one.reason, one.detail) for one in item.refused]
        show_table("Recusadas", ("OPV", "Motivo", "Detalhe"), rows)


def _assign_all(by: str, body: BulkAssignmentBody) -> BulkAssignmentItem:
    from opv.conversion import undistributed

    done = BulkAssignmentItem(given=0, already=0, refused=[], next=None)
    with built() as program, bar("atribuindo", None) as seen:
        while True:
            with program.database.read() as tx:
                house, viewer = named(program, tx, by)
                chosen = undistributed.choose(tx, house, viewer, body)
            units: list[Any] = []
            for ids in chosen.units():
                with program.database.write() as tx:
                    house, viewer = named(program, tx, by)
                    units.append(undistributed.give_some(tx, house, viewer, program.clock(), body, ids))
                seen(len(ids))
            item = undistributed.told(chosen, units)
            done.given, done.already = done.given + item.given, done.already + item.already
            done.refused += item.refused
            if item.next is None:
                return done
            body = body.model_copy(update={"after": item.next})


def _line(one: UndistributedItem, at: Opened) -> tuple[object, ...]:
    hours, minutes = divmod(one.age // 60, 60)
    return (
        one.number, one.reason, _STATES[one.state], one.queue, one.rule, at.moment(one.since), f"{hours}h{minutes:02}",
        at.moment(one.next_try), one.development, one.opv,
    )  # fmt: skip

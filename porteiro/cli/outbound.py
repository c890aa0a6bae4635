"""Commands about what goes out: `porteiro outbound list|show|replay`, `porteiro targets`."""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import UUID

import typer

from porteiro.cli.in_name import read
from porteiro.cli.screen import AsJson, Limit, Opened, built, opened, show_fields, show_json, show_table
from schemas.errors import PorteiroError, Reject
from schemas.outbound import MessageFilters, MessageItem, MessageReplay, MessageState, TargetItem

BY = "command line"

_LISTED = ("Id", "Destino", "Tipo", "Para", "OPV", "Estado", "Motivo", "Falhas", "Criada em", "Próxima tentativa")
_TARGETS = (
    "Destino", "Sistema", "Estado", "Falhas seguidas", "Aberto até", "Último sucesso", "Última falha", "Motivo",
    "Esperam", "Paradas", "Mais antiga",
)  # fmt: skip
_STATES = {"ok": "ok", "failing": "falhando", "open": "aberto"}

Target = Annotated[str | None, typer.Option(help="Key of the target.")]
Reason = Annotated[str | None, typer.Option(help="Reason code.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, help="Messages that go out: list, show, replay.")
    group.command("list")(list_messages)
    group.command("show")(show_message)
    group.command("replay")(replay)
    app.add_typer(group, name="outbound")
    app.command("targets")(targets)


def list_messages(
    state: Annotated[MessageState, typer.Option(help="Messages in this state.")] = "parked",
    target: Target = None,
    reason: Reason = None,
    kind: Annotated[str | None, typer.Option(help="Kind of message.")] = None,
    opv: Annotated[str | None, typer.Option(help="Number or id of the OPV.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Shows the newest messages, those that were parked unless told."""
    from opv.dead_letters import listed

    filters = read(MessageFilters, state=state, target=target, reason=reason, kind=kind, opv=opv, limit=limit)
    with opened() as at:
        page = listed(at.tx, filters)
    if as_json:
        show_json(page)
    else:
        show_table("Mensagens", _LISTED, [_line(one, at) for one in page.items])


def show_message(ident: Annotated[str, typer.Argument(help="Id.", metavar="ID")], as_json: AsJson = False) -> None:
    """Shows a message with its body as stored, and whether it can be sent again."""
    from opv.dead_letters import detail

    with opened() as at:
        one = detail(at.tx, _id(ident), at.program.houses.current(at.tx))
    if as_json:
        show_json(one)
        return
    replayed = f"{at.moment(one.replayed_at)} por {one.replayed_by}" if one.replayed_by else None
    fields = [
        *zip(_LISTED[1:], _line(one, at)[1:], strict=True),
        ("Enviada em", at.moment(one.sent_at)),
        ("Devolvida em", replayed),
        ("Chave", one.idempotency_key),
        ("Corpo", one.body),
        ("Não se reenvia", one.no_replay),
    ]
    show_fields(f"Mensagem {one.id}", fields)


def replay(
    idents: Annotated[list[str] | None, typer.Argument(help="Ids.", metavar="ID...")] = None,
    target: Target = None,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Sends parked messages again, with the keys they always had: those named, or all that match the options."""
    if bool(idents) == bool(target or reason):
        raise typer.BadParameter("name messages, or say which by --target or --reason")
    if idents:
        _replay_named([_id(ident) for ident in idents])
        return
    wanted = read(MessageReplay, target=target, reason=reason)
    if not yes:
        _ask()
    _replay_matching(wanted)


def targets(as_json: AsJson = False) -> None:
    """Shows how the targets of the configuration do: whether they answer, and what waits for them."""
    from db.queries.outbound import target_items

    with opened() as at:
        slugs = {key: one.slug for key, one in at.program.houses.current(at.tx).targets.items()}
        items = target_items(at.tx, slugs)
    if as_json:
        show_json({"items": items, "next": None})
    else:
        show_table("Destinos", _TARGETS, [_target_line(one, at) for one in items])


def _replay_named(idents: list[UUID]) -> None:
    from opv.dead_letters import replay_message

    done = 0
    with built() as program:
        for ident in idents:
            try:
                with program.database.write() as tx:
                    replay_message(tx, ident, program.houses.current(tx), program.clock(), BY)
                done += 1
            except Reject as error:
                typer.echo(f"{ident}: {error.detail}", err=True)
    typer.echo(f"{done} of {len(idents)} messages put back; workers send them within seconds")
    if done < len(idents):
        raise typer.Exit(1)


def _replay_matching(wanted: MessageReplay) -> None:
    from opv.dead_letters import replay_messages

    done, more, left = 0, True, 0
    with built() as program:
        while more:
            with program.database.write() as tx:
                answer = replay_messages(tx, wanted, program.houses.current(tx), program.clock(), BY)
            done, more, left = done + answer.messages, answer.more, answer.left
    typer.echo(f"{done} messages put back; workers send them within seconds")
    if left:
        typer.echo(
            f"{left} stay parked: sending them again makes no sense; `porteiro outbound show` says why", err=True
        )


def _ask() -> None:
    if not sys.stdin.isatty():
        raise PorteiroError("not_confirmed", "every parked message that matches would be sent again: say --yes")
    typer.confirm("Send every parked message that matches again?", abort=True)


def _line(one: MessageItem, at: Opened) -> tuple[object, ...]:
    return (
        one.id, one.target, one.kind, one.recipient, one.opv, one.state, one.reason, one.failures,
        at.moment(one.created_at), at.moment(one.due_at),
    )  # fmt: skip


def _target_line(one: TargetItem, at: Opened) -> tuple[object, ...]:
    return (
        one.key, one.target, _STATES[one.state], one.failures, at.moment(one.open_until),
        at.moment(one.last_success_at), at.moment(one.last_failure_at), one.last_failure, one.pending, one.parked,
        at.moment(one.oldest_pending_at),
    )  # fmt: skip


def _id(ident: str) -> UUID:
    try:
        return UUID(ident)
    except ValueError:
        raise Reject("unknown_message", f"there is no message {ident}", 404) from None

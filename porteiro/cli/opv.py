"""Commands of OPVs: those that show them; those that act on them are in `opv_actions`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from porteiro.cli import (
    client,
    opv_acceptance,
    opv_actions,
    opv_answers,
    opv_attachments,
    opv_conversion,
    opv_history,
    opv_pending,
    opv_sales,
)
from porteiro.cli.screen import AsJson, Limit, Opened, opened, show_fields, show_json, show_table
from schemas.errors import Reject
from schemas.opv import Capture, HistoryFilters, HistoryItem, Opv, OpvFilters

if TYPE_CHECKING:
    from uuid import UUID

_LISTED = ("Nº", "Etapa", "Situação", "Cliente", "Canal", "Empreendimento", "Equipe", "Corretor", "Criada em")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, help="OPVs: list, show, and what is done to them.")
    group.command("list")(list_opvs)
    group.command("show")(show_opv)
    opv_actions.register(group)
    opv_answers.register(group)
    opv_acceptance.register_of_opv(group)
    opv_conversion.register(group)
    client.register_of_opv(group)
    opv_history.register(group)
    opv_pending.register(group)
    opv_attachments.register(group)
    opv_sales.register(group)
    app.add_typer(group, name="opv")
    opv_conversion.register_offboarding(app)


def list_opvs(
    funnel: Annotated[str | None, typer.Option(help="Key of the funnel.")] = None,
    stage: Annotated[str | None, typer.Option(help="Key of the stage.")] = None,
    stage_status: Annotated[str | None, typer.Option(help="Key of the status within the stage.")] = None,
    team: Annotated[str | None, typer.Option(help="Key of the team.")] = None,
    manager: Annotated[str | None, typer.Option(help="Key of the manager.")] = None,
    broker: Annotated[str | None, typer.Option(help="Key of the broker.")] = None,
    development: Annotated[str | None, typer.Option(help="Key of the development.")] = None,
    channel: Annotated[str | None, typer.Option(help="Key of a channel it was captured by.")] = None,
    source: Annotated[str | None, typer.Option(help="Source that it was captured from.")] = None,
    tag: Annotated[str | None, typer.Option(help="Key of a tag.")] = None,
    since: Annotated[str | None, typer.Option(help="Created since, ISO 8601.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Shows the newest OPVs."""
    from sqlalchemy import true

    from db.queries import opvs

    with opened() as at:
        filters = OpvFilters(
            funnel=funnel, stage=stage, stage_status=stage_status, team=team, manager=manager, broker=broker,
            development=development, channel=channel, source=source, tag=tag, created_since=at.since(since),
            limit=limit,
        )  # fmt: skip
        page = opvs.page(at.tx, true(), filters)
    if as_json:
        show_json(page)
    else:
        show_table("OPVs", _LISTED, [_line(opv, at) for opv in page.items])


def show_opv(
    ident: Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")], as_json: AsJson = False
) -> None:
    """Shows an OPV: its card, clients, captures and history."""
    from sqlalchemy import true

    from db.queries import opvs

    with opened() as at:
        opv = opvs.one(at.tx, true(), ident)
        if opv is None:
            raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
        history = list(_history(at, opv.id))
    if as_json:
        show_json({**opv.model_dump(mode="json"), "history": history})
        return
    show_fields(f"OPV {opv.number}", _card(opv, at))
    clients = [(c.name, ", ".join(c.phones), ", ".join(c.emails), c.document, c.kind, c.role) for c in opv.clients]
    show_table("Clientes", ("Nome", "Telefones", "E-mails", "Documento", "Tipo", "Papel"), clients)
    for capture in opv.captures:
        show_fields(f"Captação por {capture.channel or capture.source}", _capture(capture, at))
    opv_history.show_entries(at, history)


def _history(at: Opened, opv: UUID) -> Iterator[HistoryItem]:
    from db.queries import opvs

    cursor: str | None = None
    while True:
        page = opvs.history(at.tx, opv, HistoryFilters(limit=200, cursor=cursor))
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _line(opv: Opv, at: Opened) -> tuple[object, ...]:
    client = opv.clients[0].name if opv.clients else None
    channel = opv.captures[0].channel if opv.captures else None
    broker = opv.broker or (opv.undistributed and f"({opv.undistributed.reason})")
    return (opv.number, opv.stage, opv.status, client, channel, opv.development, opv.team, broker,
            at.moment(opv.created_at))  # fmt: skip


def _card(opv: Opv, at: Opened) -> Iterator[tuple[str, object]]:
    yield "Id", opv.id
    yield "Funil", opv.funnel
    yield "Etapa", opv.stage
    yield "Situação na etapa", opv.stage_status
    yield "Situação", opv.status
    yield "Empreendimento", opv.development
    yield "Equipe", opv.team
    yield "Gerente", opv.manager
    yield "Corretor", opv.broker
    yield "Segundo corretor", opv.second_broker
    yield "Etiquetas", ", ".join(opv.tags)
    yield "Campos", opv.fields
    yield "Pré-atendimento", " / ".join(filter(None, (opv.presales_team, opv.presales_manager, opv.presales_broker)))
    yield "Criada em", at.moment(opv.created_at)
    yield "Atribuída em", at.moment(opv.assigned_at)
    if opv.acceptance:
        yield "Aceite", f"de {opv.acceptance.broker} até {at.moment(opv.acceptance.until)}"
    yield "Primeiro contato em", at.moment(opv.first_contact_at)
    if opv.undistributed:
        yield "Sem corretor", f"{opv.undistributed.reason}, desde {at.moment(opv.undistributed.since)}"


def _capture(capture: Capture, at: Opened) -> Iterator[tuple[str, object]]:
    yield "Fonte", capture.source
    yield "Toque", " e ".join(_touches(capture))
    yield "Cadastrada por", capture.by
    yield "Digitado", capture.typed
    yield "Recebida em", at.moment(capture.received_at)
    yield "Enviada em", at.moment(capture.submitted_at)
    yield "Cliente retornante", "sim" if capture.returning else None
    yield "Campanha", capture.campaign
    yield "Mídia", capture.medium
    yield "Origem", capture.origin
    yield "Empreendimento", capture.development
    yield "Anúncio", capture.listing
    yield "Transação", capture.transaction
    yield "Preço", None if capture.price is None else f"R$ {capture.price:.2f}"
    yield "Cidade", " / ".join(filter(None, (capture.city, capture.state)))
    yield "Corretor indicado", capture.broker_named
    yield "Mensagem", capture.message
    yield "Respostas", capture.answers
    yield "Peça", capture.ad
    yield "UTM", capture.utm
    yield "Cliques", capture.click_ids
    yield "Consentimento", capture.consent
    yield "Outros dados", capture.extra
    yield "Como enviado", capture.raw
    yield "Observações", ", ".join(capture.flags)
    yield "Id externo", capture.external_id
    yield "Entrega", capture.delivery


def _touches(capture: Capture) -> Iterator[str]:
    if capture.first_touch:
        yield "primeiro"
    if capture.last_touch:
        yield "último"

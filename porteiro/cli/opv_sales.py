"""Commands of the way to a won sale and of the WhatsApp shortcut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from porteiro.cli.in_name import As, Ident
from porteiro.cli.screen import AsJson, built, opened, show_fields, show_json, show_table
from schemas.errors import PorteiroError, Reject

if TYPE_CHECKING:
    from opv.access import Viewer
    from opv.house import House

_STATES = {
    "asked": "Solicitado", "open": "Aberto", "failed": "Recusado ou sem resposta", "won": "Venda ganha",
    "lost": "Encerrado sem venda",
}  # fmt: skip


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("process")(show_process)
    group.command("whatsapp")(open_whatsapp)


def show_process(ident: Ident, as_json: AsJson = False) -> None:
    """Shows the way to the won sale: the button, the process in the sales module, and what is missing for one."""
    from sqlalchemy import true

    from db.queries.opvs import find
    from opv.sales.show import won_sale_of

    with opened() as at:
        opv = find(at.tx, true(), ident)
        if opv is None:
            raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
        found = won_sale_of(at.tx, at.program.houses.current(at.tx), None, opv)
        process = found.process
        lines = [] if process is None else [
            ("Situação", _STATES[process.state]), ("Nº no módulo de vendas", process.process_id),
            ("Status", process.status), ("Status desde", at.moment(process.status_at)), ("Motivo", process.reason),
            ("Valor", f"{process.value:.2f}"), ("Unidade", process.unit), ("Data", process.date),
            ("Solicitado por", process.asked_by), ("Solicitado em", at.moment(process.asked_at)),
            ("Tentativas sem resposta", process.tries or None), ("Próxima tentativa", at.moment(process.next_try_at)),
        ]  # fmt: skip
    if as_json:
        show_json(found)
        return
    button = [
        ("Botão", found.label if found.button else "desligado"),
        ("Modo", found.mode),
        ("Impedimento", found.reason),
    ]
    show_fields("Venda ganha", button)
    if lines:
        show_fields("Processo", lines)
    if found.missing:
        show_table("Falta", ("Cliente", "O quê"), [(one.name, one.text) for one in found.missing])


def open_whatsapp(
    ident: Ident,
    by: As,
    client: Annotated[UUID | None, typer.Option(help="Id of the client, when it is not the main one.")] = None,
    text: Annotated[str | None, typer.Option(help="What to say, instead of the greeting.")] = None,
    as_json: AsJson = False,
) -> None:
    """Opens a conversation with a client on WhatsApp: prints the address to follow."""
    from opv.by_people import act
    from opv.whatsapp import conversation, note_opened

    with built() as program:
        with program.database.read() as tx:
            house = program.houses.current(tx)
            wanted = conversation(tx, house, _viewer(house, by), ident, client, text)
        url = wanted.open(program.quick_targets)
        with program.database.write() as tx:
            house = program.houses.current(tx)
            viewer = _viewer(house, by)
            act(tx, house, viewer, program.clock(), str(wanted.opv), lambda at: note_opened(at, wanted))
    if as_json:
        show_json({"url": url, "by": wanted.by})
    else:
        typer.echo(url)


def _viewer(house: House, person: str) -> Viewer:
    from opv.access import viewer_of

    viewer = viewer_of(person, house)
    if viewer is None:
        raise PorteiroError("unknown_person", f"there is no active person {person}")
    return viewer

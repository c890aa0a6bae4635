"""`porteiro client find|export|recipients|consents|withdraw-consent|erase`: what a person may ask for (LGPD)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer
from pydantic import BaseModel, ValidationError

from porteiro.cli.screen import AsJson, built, opened, show_fields, show_json, show_table
from schemas.data_subject import ConsentItem, ConsentWithdrawalBody, Erased, ErasureBody, PersonQuery
from schemas.errors import PorteiroError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opv.access import Viewer
    from opv.house import House
    from porteiro.build import Runtime
    from porteiro.cli.screen import Opened

Read = TypeVar("Read", bound=BaseModel)

ClientId = Annotated[
    UUID, typer.Argument(help="The client's id, as `porteiro client find` tells it.", metavar="CLIENT")
]
As = Annotated[str, typer.Option("--as", help="Key of the person who answers for it.", metavar="PERSON")]

_BLANKED = {
    "fields": "Campos", "contents": "Textos do histórico", "cards": "Cards de captação", "explanations": "Explicações",
    "messages": "Mensagens", "pending_items": "Pendências", "attachments": "Anexos", "sales": "Processos de venda",
    "unmapped": "Valores não mapeados", "submissions": "Envios", "deliveries": "Entregas",
}  # fmt: skip


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro client`."""
    group.command("find")(find)
    group.command("export")(export)
    group.command("recipients")(list_recipients)
    group.command("consents")(list_consents)
    group.command("withdraw-consent")(withdraw)
    group.command("erase")(erase_client)


def find(
    by: As,
    phone: Annotated[str | None, typer.Option(help="Phone, in any spelling.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail.")] = None,
    document: Annotated[str | None, typer.Option(help="CPF or CNPJ.")] = None,
    as_json: AsJson = False,
) -> None:
    """Shows the clients that have one of these contacts."""
    from opv.data_subject.find import find_persons

    if not (phone or email or document):
        raise typer.BadParameter("say --phone, --email or --document")
    query = _read(PersonQuery, phone=phone, email=email, document=document)
    with opened() as at:
        who = _who(at.program, at.tx, by)
        page = find_persons(at.tx, who.house, who.viewer, query)
    if as_json:
        show_json(page)
        return
    lines = [(one.id, one.name, one.document, ", ".join(one.phones), len(one.opvs)) for one in page.items]
    show_table("Clientes", ("Id", "Nome", "Documento", "Telefones", "OPVs"), lines)


def export(client: ClientId, by: As, _as_json: AsJson = False) -> None:
    """Prints all that is held of a person, as JSON. The histories note who did it."""
    from opv.data_subject.export import export_person

    with built() as program:
        with program.database.read() as tx:
            who = _who(program, tx, by)
        record, _ = export_person(program.database, who.house, who.viewer, program.clock, client)
    show_json(record)


def list_recipients(client: ClientId, by: As, as_json: AsJson = False) -> None:
    """Shows where data of a person went."""
    from opv.data_subject.recipients import recipients_of

    with opened() as at:
        who = _who(at.program, at.tx, by)
        page = recipients_of(at.tx, who.house, who.viewer, client)
        lines = [
            (one.system, one.kind, one.to, one.state, at.moment(one.asked_at), at.moment(one.sent_at), one.opv)
            for one in page.items
        ]
    if as_json:
        show_json(page)
    else:
        show_table("Destinatários", ("Sistema", "O quê", "Para", "Situação", "Pedido em", "Enviado em", "OPV"), lines)


def list_consents(client: ClientId, by: As, as_json: AsJson = False) -> None:
    """Shows what a person agreed to or refused, with the evidence."""
    from opv.data_subject.consents import consents_of

    with opened() as at:
        who = _who(at.program, at.tx, by)
        page = consents_of(at.tx, who.house, who.viewer, client)
        lines = [_consent(one, at) for one in page.items]
    if as_json:
        show_json(page)
    else:
        show_table("Consentimentos", ("O quê", "Concedido", "Quando", "Canal", "Prova"), lines)


def withdraw(
    client: ClientId,
    what: Annotated[str, typer.Argument(help="The consent that is taken back.")],
    by: As,
    way: Annotated[
        list[str] | None, typer.Option(help="call, whatsapp, sms, email or visit: no more; may be given again.")
    ] = None,
    evidence: Annotated[str | None, typer.Option(help="How the person said so.")] = None,
    as_json: AsJson = False,
) -> None:
    """Notes that a person takes a consent back."""
    from opv.data_subject.consents import consents_of, withdraw_consent

    body = _read(ConsentWithdrawalBody, what=what, ways=way or [], evidence=evidence)
    with built() as program, program.database.write() as tx:
        who = _who(program, tx, by)
        withdraw_consent(tx, who.house, who.viewer, program.clock(), client, body)
        page = consents_of(tx, who.house, who.viewer, client)
    if as_json:
        show_json(page)
    else:
        typer.echo(f"client {client} takes back: {body.what}")


def erase_client(
    client: ClientId,
    by: As,
    reason: Annotated[str, typer.Option(help="Why; it stays in the history and may not name the person.")],
    force: Annotated[bool, typer.Option("--force", help="Although parked leads of others are lost.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erases a person. It cannot be taken back; ended in between, the same command goes on."""
    from opv.data_subject.erasure import erase

    body = _read(ErasureBody, reason=reason, force=force)
    _ask(client, yes)
    with built() as program:
        with program.database.read() as tx:
            who = _who(program, tx, by)
        files = program.files
        erased = erase(program.database, who.house, who.viewer, program.clock, files.remove, client, body)
    if as_json:
        show_json(erased)
    else:
        _show(erased)


def _ask(client: UUID, yes: bool) -> None:
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise PorteiroError("not_confirmed", "an erasure cannot be taken back: say --yes")
    typer.confirm(f"Erase client {client} for good?", abort=True)


def _show(erased: Erased) -> None:
    show_fields(f"Cliente {erased.client} apagado", [(_BLANKED[name], count or None) for name, count in erased.blanked])
    typer.echo(f"OPVs: {len(erased.opvs)}")
    for other in erased.same_contacts:
        typer.echo(f"client {other} has the same phone or document, and keeps it")
    if not erased.file_clean:
        typer.echo("the database's log could not be emptied while somebody was reading: erase once more", err=True)


def _consent(one: ConsentItem, at: Opened) -> tuple[object, ...]:
    return (one.what, one.granted, at.moment(one.at), one.channel, one.evidence)


@dataclass(frozen=True, slots=True)
class _Who:
    """Who answers, in the house in force."""

    house: House
    viewer: Viewer


def _who(program: Runtime, tx: Connection, by: str) -> _Who:
    from opv.access import viewer_of

    house = program.houses.current(tx)
    viewer = viewer_of(by, house)
    if viewer is None:
        raise PorteiroError("unknown_person", f"there is no active person {by}")
    return _Who(house, viewer)


def _read(model: type[Read], **values: object) -> Read:
    """The options as the API's body or query, with its checks."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise typer.BadParameter(told) from None

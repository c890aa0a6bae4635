"""Commands of clients: those involved in an OPV (`porteiro opv client…`), and duplicates (`porteiro client`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer
from pydantic import BaseModel, ValidationError

from porteiro.cli import client_excluded, data_subject
from porteiro.cli.screen import AsJson, Opened, built, opened, show_fields, show_json, show_table
from schemas.client import ClientChangeBody, InvolvedClient, InvolvementBody, Missing
from schemas.errors import PorteiroError, Reject

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opv.access import Viewer
    from opv.by_people import Done
    from opv.house import House

Read = TypeVar("Read", bound=BaseModel)

Ident = Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")]
ClientId = Annotated[UUID, typer.Argument(help="The client's id.", metavar="CLIENT")]
As = Annotated[str, typer.Option("--as", help="Key of the person who does it.", metavar="PERSON")]
Name = Annotated[str | None, typer.Option(help="Name.")]
Document = Annotated[str | None, typer.Option(help="CPF or CNPJ.")]
Phones = Annotated[list[str] | None, typer.Option("--phone", help="Phone; may be given again.")]
Emails = Annotated[list[str] | None, typer.Option("--email", help="E-mail; may be given again.")]
Kind = Annotated[str | None, typer.Option(help="natural or legal; the document says it too.")]
Spouse = Annotated[str | None, typer.Option(help="Id of the spouse, who is a client of the OPV.")]
Details = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE",
        help="A detail, as birth_date=1990-05-01 or addresses=[{\"cep\": …}]; may be given again.",
    ),
]  # fmt: skip

_KINDS = {"natural": "PF", "legal": "PJ"}
_ROLES = {
    "buyer": "comprador", "spouse": "cônjuge", "partner": "sócio", "guarantor": "fiador",
    "representative": "representante",
}  # fmt: skip
_LISTED = ("Id", "Nome", "Tipo", "Papel", "Documento", "Telefones", "E-mails", "Cônjuge")
_DETAILS = {
    "rg": "RG", "social_name": "Nome social", "birth_date": "Nascimento", "nationality": "Nacionalidade",
    "marital_status": "Estado civil", "marital_regime": "Regime de bens", "profession": "Profissão", "income": "Renda",
    "addresses": "Endereços", "preferences": "Preferências de contato", "consents": "Consentimentos",
    "remarks": "Observações", "trade_name": "Nome fantasia", "state_registration": "Inscrição estadual",
    "municipal_registration": "Inscrição municipal",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Adds `porteiro client`."""
    group = typer.Typer(no_args_is_help=True, help="Persons: duplicates, and what the law asks (LGPD).")
    group.command("duplicates")(list_duplicates)
    group.command("merge")(merge)
    client_excluded.register(group)
    data_subject.register(group)
    app.add_typer(group, name="client")


def register_of_opv(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("clients")(list_clients)
    group.command("missing")(list_missing)
    group.command("client-add")(add)
    group.command("client-change")(change)
    group.command("client-remove")(remove)


def list_clients(ident: Ident, as_json: AsJson = False) -> None:
    """Shows the clients of an OPV in full, what does not fit together, and what is missing."""
    from opv.clients.show import involved_clients

    with opened() as at:
        found = involved_clients(at.tx, at.program.houses.current(at.tx), _opv(at, ident))
    if as_json:
        show_json(found)
        return
    show_table("Clientes envolvidos", _LISTED, [_line(one) for one in found.items])
    for one in found.items:
        details = one.details.model_dump(mode="json", exclude_defaults=True)
        if details:
            show_fields(one.name or str(one.id), [(_DETAILS[name], value) for name, value in details.items()])
    names = {one.id: one.name for one in found.items}
    if found.divergences:
        lines = [(names.get(one.client), one.text, one.other) for one in found.divergences]
        show_table("Divergências", ("Cliente", "O quê", "Outro cliente"), lines)
    _show_missing(found.completeness.missing)


def list_missing(ident: Ident, as_json: AsJson = False) -> None:
    """Shows what is missing before the OPV can go to the sales module."""
    from opv.clients.completeness import completeness
    from opv.clients.involved import involved_of

    with opened() as at:
        found = completeness(involved_of(at.tx, _opv(at, ident)), at.program.houses.current(at.tx))
    if as_json:
        show_json(found)
    else:
        _show_missing(found.missing)


def add(
    ident: Ident,
    by: As,
    role: Annotated[str, typer.Option(help="buyer, spouse, partner, guarantor or representative.")],
    client: Annotated[UUID | None, typer.Option(help="Id of a client that is known.")] = None,
    name: Name = None,
    document: Document = None,
    phone: Phones = None,
    email: Emails = None,
    kind: Kind = None,
    spouse: Spouse = None,
    detail: Details = None,
    as_json: AsJson = False,
) -> None:
    """Involves a client in an OPV."""
    from opv.clients.add import add_client

    typed = {"name": name, "document": document, "kind": kind, "spouse": spouse, "client": client}
    lists = {"phones": phone, "emails": email, "details": _details(detail)}
    body = _read(InvolvementBody, role=role, **{k: v for k, v in {**typed, **lists}.items() if v})

    def do(at: _Acting) -> tuple[UUID, UUID]:
        added = add_client(at.tx, at.house, at.viewer, at.now, ident, body)
        return added.done.opv, added.client

    _show_done(by, do, as_json)


def change(
    ident: Ident,
    client: ClientId,
    by: As,
    role: Annotated[str | None, typer.Option(help="Its part in this OPV.")] = None,
    name: Name = None,
    document: Document = None,
    phone: Phones = None,
    email: Emails = None,
    kind: Kind = None,
    spouse: Spouse = None,
    detail: Details = None,
    as_json: AsJson = False,
) -> None:
    """Corrects a client of an OPV. What is given replaces what was there; given empty, it clears."""
    from opv.clients.change import change_client

    single = {"role": role, "name": name, "document": document, "kind": kind, "spouse": spouse}
    lists = {"phones": phone, "emails": email}
    given: dict[str, Any] = {key: value or None for key, value in single.items() if value is not None}
    given |= {key: [one for one in value if one] for key, value in lists.items() if value is not None}
    body = _read(ClientChangeBody, **given, **({"details": _details(detail)} if detail else {}))

    def do(at: _Acting) -> tuple[UUID, UUID]:
        return change_client(at.tx, at.house, at.viewer, at.now, ident, client, body).opv, client

    _show_done(by, do, as_json)


def remove(ident: Ident, client: ClientId, by: As, as_json: AsJson = False) -> None:
    """Takes a client out of an OPV; the main one stays."""
    from opv.clients.change import remove_client
    from opv.clients.show import involved_clients

    with _acting(by) as at:
        done: Done = remove_client(at.tx, at.house, at.viewer, at.now, ident, client)
        left = involved_clients(at.tx, at.house, done.opv)
    if as_json:
        show_json(left)
    else:
        typer.echo(f"client {client} is no longer in the OPV; {len(left.items)} are")


def list_duplicates(client: ClientId, by: As, as_json: AsJson = False) -> None:
    """Shows clients that may be the same person."""
    from opv.clients.duplicates import duplicates

    with _acting(by) as at:
        page = duplicates(at.tx, at.house, at.viewer, client)
    if as_json:
        show_json(page)
        return
    lines = [
        (one.id, one.client.name if one.client else "", one.client.document if one.client else "",
         ", ".join(one.because), ", ".join(one.conflicts))
        for one in page.items
    ]  # fmt: skip
    show_table("Pode ser a mesma pessoa", ("Id", "Nome", "Documento", "Por quê", "Contra"), lines)


def merge(
    client: ClientId,
    other: Annotated[UUID, typer.Argument(help="The client that turned out to be the same.", metavar="OTHER")],
    by: As,
    force: Annotated[bool, typer.Option("--force", help="Although documents or birth dates differ.")] = False,
    as_json: AsJson = False,
) -> None:
    """Merges another client into one."""
    from opv.clients.merge import merge_clients

    with _acting(by) as at:
        merged, _ = merge_clients(at.tx, at.house, at.viewer, at.now, client, other, force=force)
    if as_json:
        show_json(merged)
    else:
        typer.echo(f"client {other} is now part of {client}; OPVs concerned: {len(merged.opvs)}")


@dataclass(frozen=True, slots=True)
class _Acting:
    """A writing unit of work in a person's name; workers find what it made due within seconds."""

    tx: Connection
    house: House
    viewer: Viewer
    now: datetime


@contextmanager
def _acting(by: str) -> Iterator[_Acting]:
    from opv.access import viewer_of

    with built() as program, program.database.write() as tx:
        house = program.houses.current(tx)
        viewer = viewer_of(by, house)
        if viewer is None:
            raise PorteiroError("unknown_person", f"there is no active person {by}")
        yield _Acting(tx, house, viewer, program.clock())


def _show_done(by: str, do: Callable[[_Acting], tuple[UUID, UUID]], as_json: bool) -> None:
    from opv.clients.show import involved_client

    with _acting(by) as at:
        opv, client = do(at)
        found = involved_client(at.tx, opv, client)
    if as_json:
        show_json(found)
    else:
        show_table("Cliente envolvido", _LISTED, [_line(found)])


def _opv(at: Opened, ident: str) -> UUID:
    from sqlalchemy import true

    from db.queries import opvs

    found = opvs.find(at.tx, true(), ident)
    if found is None:
        raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
    return found


def _line(one: InvolvedClient) -> tuple[object, ...]:
    role = _ROLES[one.role] + (" (principal)" if one.main else "")
    return (one.id, one.name, _KINDS[one.kind], role, one.document, ", ".join(one.phones), ", ".join(one.emails),
            one.spouse)  # fmt: skip


def _show_missing(missing: Sequence[Missing]) -> None:
    if missing:
        show_table("Falta", ("Cliente", "O quê"), [(one.name or one.client, one.text) for one in missing])
    else:
        typer.echo("Nada falta.")


def _details(given: Sequence[str] | None) -> dict[str, Any]:
    """Details out of `name=value`: lists and objects as JSON, nothing clears."""
    details: dict[str, Any] = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not equals:
            raise typer.BadParameter(f"{one!r}: write NAME=VALUE, as profession=Engenheira")
        try:
            details[name] = json.loads(value) if value[:1] in ("[", "{") else value or None
        except ValueError:
            raise typer.BadParameter(f"{name}: the value is no JSON") from None
    return details


def _read(model: type[Read], **values: object) -> Read:
    """The options as the API's body, with its checks."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise typer.BadParameter(told) from None

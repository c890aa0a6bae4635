"""`porteiro opv history` and `porteiro opv reads`: what happened to an OPV, and who read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from porteiro.cli.screen import AsJson, Opened, opened, show_json, show_table
from schemas.errors import Reject
from schemas.opv import HistoryFilters, HistoryItem
from schemas.page import Paging

if TYPE_CHECKING:
    from uuid import UUID

_ENTRY = ("Nº", "Quando", "Fato", "Por", "Dados", "Conteúdo")
_READ = ("Dia (UTC)", "Pessoa", "O quê", "Primeira vez", "Última vez", "Vezes", "Selado em")

Ident = Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")]
Many = Annotated[int, typer.Option(min=1, max=200, help="How many.")]
Cursor = Annotated[str | None, typer.Option(help="`next` of the part before.")]


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("history")(show_history)
    group.command("reads")(show_reads)


def show_history(
    ident: Ident,
    kind: Annotated[list[str] | None, typer.Option(help="Kind, or `opv.` for all that begin so; repeatable.")] = None,
    person: Annotated[str | None, typer.Option(help="Key of the person who did it.")] = None,
    since: Annotated[str | None, typer.Option(help="From this time on, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time, ISO 8601.")] = None,
    limit: Many = 200,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Shows what happened to an OPV, in order."""
    from db.queries import opvs

    with opened() as at:
        filters = HistoryFilters(
            kind=kind or [], person=person, since=at.since(since), until=at.since(until), limit=limit, cursor=cursor
        )
        page = opvs.history(at.tx, _found(at, ident), filters)
    if as_json:
        show_json(page)
        return
    show_entries(at, page.items)
    _tell_more(page.next)


def show_reads(ident: Ident, limit: Many = 50, cursor: Cursor = None, as_json: AsJson = False) -> None:
    """Shows who read personal data of an OPV over the API, the newest day first."""
    from db.queries import reads

    with opened() as at:
        page = reads.page(at.tx, _found(at, ident), Paging(limit=limit, cursor=cursor))
    if as_json:
        show_json(page)
        return
    rows = [(r.day, r.person, r.what, at.moment(r.first_at), at.moment(r.last_at), r.times, r.sealed_seq)
            for r in page.items]  # fmt: skip
    show_table("Acessos a dados pessoais", _READ, rows)
    _tell_more(page.next)


def show_entries(at: Opened, entries: Iterable[HistoryItem]) -> None:
    """Facts as a table."""
    rows = [(e.seq, at.moment(e.at), e.kind, e.actor, _facts(e), _content(e, at)) for e in entries]
    show_table("Histórico", _ENTRY, rows)


def _facts(entry: HistoryItem) -> str:
    return ", ".join(f"{name}: {value}" for name, value in entry.data.items() if value is not None)


def _content(entry: HistoryItem, at: Opened) -> object:
    erased = entry.content_erased_at
    return f"(conteúdo apagado a pedido em {at.moment(erased)})" if erased else entry.content


def _found(at: Opened, ident: str) -> UUID:
    from sqlalchemy import true

    from db.queries import opvs

    found = opvs.find(at.tx, true(), ident)
    if found is None:
        raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
    return found


def _tell_more(cursor: str | None) -> None:
    if cursor:
        typer.echo(f"Há mais: --cursor {cursor}")

"""`porteiro opv attach|attachments|attachment-…`: files of an OPV."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from porteiro.cli.screen import AsJson, Limit, Opened, built, opened, show_json, show_table
from schemas.attachments import AttachmentFilters, AttachmentItem
from schemas.errors import PorteiroError, Reject

if TYPE_CHECKING:
    from opv.access import Viewer
    from opv.actions import Acting
    from opv.house import House
    from porteiro.build import Runtime

Ident = Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")]
AttachmentId = Annotated[UUID, typer.Argument(help="The attachment's id.", metavar="ATTACHMENT")]
As = Annotated[str, typer.Option("--as", help="Key of the person who does it.", metavar="PERSON")]

_LISTED = ("Id", "Nome", "Tipo", "Bytes", "Cliente", "Anexado por", "Em", "Removido em")


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("attachments")(list_attachments)
    group.command("attach")(add)
    group.command("attachment-get")(download)
    group.command("attachment-remove")(remove)


def list_attachments(
    ident: Ident,
    removed: Annotated[bool, typer.Option("--removed", help="Those that were taken away too.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Shows the files of an OPV, newest first."""
    from sqlalchemy import true

    from db.queries import attachments, opvs

    with opened() as at:
        opv = opvs.find(at.tx, true(), ident)
        if opv is None:
            raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
        page = attachments.page(at.tx, opv, AttachmentFilters(removed=removed, limit=limit))
        lines = [_line(one, at) for one in page.items]
    if as_json:
        show_json(page)
    else:
        show_table("Anexos", _LISTED, lines)


def add(
    ident: Ident,
    file: Annotated[Path, typer.Argument(help="The file.", exists=True, dir_okay=False, readable=True)],
    by: As,
    client: Annotated[UUID | None, typer.Option(help="Id of the client that it is of.")] = None,
    as_json: AsJson = False,
) -> None:
    """Attaches a file."""
    from opv.attachments import attach, take_in

    with built() as program:
        with program.database.read() as tx:
            rules = program.houses.current(tx).configuration.attachments
        with file.open("rb") as source:
            taken = take_in(program.files, source, file.name, rules)
        try:
            _act(program, by, ident, lambda at: attach(at, program.files, taken, client), as_json)
        finally:
            program.files.discard(taken.received)


def download(
    ident: Ident,
    attachment: AttachmentId,
    by: As,
    to: Annotated[Path | None, typer.Option(help="Where it is written; by its name here, without.")] = None,
    as_json: AsJson = False,
) -> None:
    """Writes a copy of a file; one that is there already is not overwritten."""
    from db.queries import attachments, opvs
    from opv.access import visible
    from opv.attachments import unknown_attachment

    with built() as program:
        with program.database.read() as tx:
            house = program.houses.current(tx)
            opv = opvs.find(tx, visible(_viewer(by, house), house), ident)
            if opv is None:
                raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
            found = attachments.one(tx, opv, attachment)
        path = program.files.path(attachment) if found and not (found.removed_at or found.erased_at) else None
        if found is None or path is None:
            raise unknown_attachment()
        target = to or Path(found.name or str(found.id))
        try:
            with path.open("rb") as source, target.open("xb") as copy:
                shutil.copyfileobj(source, copy)
        except FileExistsError:
            raise typer.BadParameter(f"{target} is there already") from None
    if as_json:
        show_json({**found.model_dump(mode="json"), "path": str(target)})
    else:
        typer.echo(f"{target}: {found.size} bytes")


def remove(ident: Ident, attachment: AttachmentId, by: As, as_json: AsJson = False) -> None:
    """Removes a file; that it was there stays known."""
    from opv.attachments import detach

    with built() as program:
        _act(program, by, ident, lambda at: detach(at, attachment), as_json)
        program.files.remove(attachment)


def _viewer(by: str, house: House) -> Viewer:
    from opv.access import viewer_of

    viewer = viewer_of(by, house)
    if viewer is None:
        raise PorteiroError("unknown_person", f"there is no active person {by}")
    return viewer


def _act(program: Runtime, by: str, ident: str, deed: Callable[[Acting], UUID], as_json: bool) -> None:
    from db.queries import attachments
    from opv.by_people import act

    ids: list[UUID] = []
    with program.database.write() as tx:
        house = program.houses.current(tx)
        done = act(tx, house, _viewer(by, house), program.clock(), ident, lambda at: ids.append(deed(at)))
        item = attachments.one(tx, done.opv, ids[0])
        line = _line(item, Opened(program, tx, house.zone)) if item else ()
    if as_json:
        show_json(item)
    else:
        show_table("Anexo", _LISTED, [line])


def _line(one: AttachmentItem, at: Opened) -> tuple[object, ...]:
    return (one.id, one.name, one.content_type, one.size, one.client, one.added_by, at.moment(one.added_at),
            at.moment(one.removed_at or one.erased_at))  # fmt: skip

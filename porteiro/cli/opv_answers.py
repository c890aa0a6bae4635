"""`porteiro opv tag|untag|set|questionnaires`: tags and fields of an OPV."""

from __future__ import annotations

from typing import Annotated

import typer

from porteiro.cli.in_name import As, Ident, act_on, read
from porteiro.cli.screen import AsJson, opened, show_json, show_table
from schemas.answers import FieldsBody, TagsBody
from schemas.errors import Reject

Tags = Annotated[list[str], typer.Argument(help="Keys of tags.", metavar="TAG…")]


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("tag")(tag)
    group.command("untag")(untag)
    group.command("set")(set_values)
    group.command("questionnaires")(list_questionnaires)


def tag(ident: Ident, tags: Tags, by: As, as_json: AsJson = False) -> None:
    """Puts tags on the OPV."""
    _change(by, ident, TagsBody(add=read(TagsBody, add=tags).add), as_json)


def untag(ident: Ident, tags: Tags, by: As, as_json: AsJson = False) -> None:
    """Takes tags off the OPV."""
    _change(by, ident, TagsBody(remove=read(TagsBody, remove=tags).remove), as_json)


def set_values(
    ident: Ident,
    values: Annotated[
        list[str], typer.Argument(help="Fields, as budget=450000; `budget=` empties one.", metavar="FIELD=VALUE…")
    ],
    by: As,
    as_json: AsJson = False,
) -> None:
    """Sets fields of the OPV."""
    from opv.answers.changes import set_fields

    given: dict[str, str | None] = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r}: write FIELD=VALUE, for example budget=450000")
        given[key] = value or None
    body = read(FieldsBody, **given)
    act_on(by, ident, lambda at: set_fields(at, body.root), as_json)


def list_questionnaires(ident: Ident, as_json: AsJson = False) -> None:
    """Shows the questionnaires with the OPV's answers, and what they lack."""
    from sqlalchemy import true

    from db.queries import opvs
    from opv.answers.questionnaires import shown

    with opened() as at:
        opv = opvs.one(at.tx, true(), ident)
        if opv is None:
            raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
        items = shown(at.program.houses.current(at.tx), opv.fields)
    if as_json:
        show_json({"items": items})
        return
    lines = [
        (item.name, field.name, field.value, "falta" if field.key in item.lacks else "")
        for item in items
        for field in item.fields
    ]
    show_table("Questionários", ("Questionário", "Campo", "Resposta", ""), lines)


def _change(by: str, ident: str, body: TagsBody, as_json: bool) -> None:
    from opv.answers.changes import change_tags

    act_on(by, ident, lambda at: change_tags(at, body.add, body.remove), as_json)

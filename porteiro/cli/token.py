"""Commands for API tokens."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from porteiro.cli.screen import AsJson, built, opened, show_json, show_table
from schemas.errors import PorteiroError


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, help="API tokens: create, list, revoke.")
    group.command("create")(create)
    group.command("list")(list_tokens)
    group.command("revoke")(revoke)
    app.add_typer(group, name="token")


def create(person: Annotated[str, typer.Argument(help="Key of a person in the configuration in force.")]) -> None:
    """Makes a token for a person and prints it: this once, only its hash is kept."""
    from db.queries import tokens

    with built() as program, program.database.write() as tx:
        roster = program.houses.current(tx).roster
        if not roster.is_active(person):
            known = ", ".join(key for key in roster.people if roster.is_active(key)) or "nobody"
            raise PorteiroError("unknown_person", f"there is no active person {person}; there is: {known}")
        text = tokens.create(tx, person, program.clock())
    typer.echo(f"{roster.people[person].name} ({roster.people[person].role}): {text}")


def list_tokens(as_json: AsJson = False) -> None:
    """Shows the tokens, never their text."""
    from db.queries import tokens

    with opened() as at:
        found = tokens.listed(at.tx)
    if as_json:
        show_json({"items": [row._asdict() for row in found], "next": None})
        return
    rows = [(row.id, row.person, at.moment(row.created_at), at.moment(row.revoked_at)) for row in found]
    show_table("Tokens", ("Id", "Pessoa", "Criado em", "Revogado em"), rows)


def revoke(ident: Annotated[str, typer.Argument(help="Id, as `token list` shows it.", metavar="ID")]) -> None:
    """Ends a token at once."""
    from db.queries import tokens

    with built() as program, program.database.write() as tx:
        if not tokens.revoke(tx, _id(ident), program.clock()):
            raise _unknown(ident)
    typer.echo(f"token {ident} is revoked")


def _id(ident: str) -> UUID:
    try:
        return UUID(ident)
    except ValueError:
        raise _unknown(ident) from None


def _unknown(ident: str) -> PorteiroError:
    return PorteiroError("unknown_token", f"there is no token {ident} in use")

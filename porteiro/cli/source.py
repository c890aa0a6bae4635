"""Commands for sources: which there are, and a new one."""

from __future__ import annotations

from typing import Annotated

import typer

from porteiro.cli.screen import AsJson, show_json, show_table

_NAMESPACES = {"source": "toda a plataforma", "channel": "um canal"}
_LISTED = ("Fonte", "Nome", "Documentação", "Ids valem em", "Lê de volta", "Handshake", "Pacote")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, help="Sources: list, new.")
    group.command("list")(list_sources)
    group.command("new")(new_source)
    app.add_typer(group, name="source")


def list_sources(as_json: AsJson = False) -> None:
    """Shows every source that a channel can have. Exit code 1 when one of another package cannot be used."""
    from adapters.sources.registry import brought, sources

    packages = brought().packages
    found = [
        {
            "slug": slug,
            "title": source.title,
            "documentation": source.documentation,
            "namespace": source.namespace,
            "reads_back": source.reads_back,
            "handshake": source.has_handshake,
            "package": packages.get(slug),
        }
        for slug, source in sorted(sources().items())
    ]
    left_out = brought().left_out
    if as_json:
        show_json({"items": found, "left_out": [one._asdict() for one in left_out], "next": None})
    else:
        rows = [tuple({**one, "namespace": _NAMESPACES[str(one["namespace"])]}.values()) for one in found]
        show_table("Fontes", _LISTED, rows)
    if left_out:  # each was told when it was looked for
        raise typer.Exit(1)


def new_source(
    name: Annotated[str, typer.Argument(help="Its slug: lower-case words joined by `_`.", metavar="NAME")],
    title: Annotated[str | None, typer.Option(help="Its name on screens.")] = None,
) -> None:
    """Makes the files of a new source, with failing tests that say what to fill in (docs/adding-a-source.md)."""
    from porteiro.scaffold.source import checkout, write_source

    written = write_source(checkout(), name, title)
    typer.echo("written, to be filled in:\n" + "\n".join(f"  {path}" for path in written))
    typer.echo(f"next: .venv/bin/pytest tests/adapters/sources -k {name}   (docs/adding-a-source.md)")

"""Commands about the configuration: `check`, `apply`."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porteiro.cli.screen import AsJson
from porteiro.settings import Settings, secrets
from schemas.errors import Reject

if TYPE_CHECKING:
    from adapters.sources.base import Source
    from porteiro.configuration.apply import Applied
    from porteiro.configuration.problems import Problem
    from schemas.config import Configuration

File = Annotated[Path | None, typer.Argument(help="The file; $PORTEIRO_CONFIG (porteiro.yaml) if left out.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (check, apply):
        app.command()(command)


def check(
    file: File = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the file's JSON Schema, for editors.")] = False,
    as_json: AsJson = False,
) -> None:
    """Checks a configuration file and says all that is wrong in it, each with its line."""
    if schema:
        from porteiro.configuration.schema import json_schema

        typer.echo(json.dumps(json_schema(_sources()), ensure_ascii=False, indent=2))
        return
    settings = Settings()
    path = file or settings.config
    configuration, problems = _load(path, settings)
    if as_json:
        found = [{**asdict(problem), "text": str(problem)} for problem in problems]
        typer.echo(json.dumps({"ok": configuration is not None, "problems": found}, ensure_ascii=False))
    else:
        _print(problems)
    if configuration is None:
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"{path}: OK, {summary(configuration)}")


def apply(
    file: File = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    move: Annotated[
        list[str] | None,
        typer.Option(help="Where OPVs of a stage go that the file has no more; may be given again.", metavar="OLD=NEW"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows what a configuration file changes, asks, and makes it the one in force."""
    from db.session import Database
    from porteiro.build import now
    from porteiro.cli.distribution import offer, tried_first
    from porteiro.configuration.apply import apply as apply_configuration
    from porteiro.configuration.apply import pending
    from porteiro.configuration.moved import with_moves

    settings = Settings()
    path = file or settings.config
    configuration, problems = _load(path, settings)
    _print(problems)
    if configuration is None:
        raise typer.Exit(1)
    configuration = with_moves(configuration, _moves(move or ()))
    asks = not yes and not as_json and is_terminal()
    database = Database(settings.database, prepare_threshold=settings.prepare_after)
    try:
        with database.read() as tx:
            seen = pending(tx, configuration)
        if seen.changes and not as_json:
            typer.echo("\n".join(map(str, seen.changes)))
        if seen.version and tried_first(seen.changes):
            offer(settings, path, configuration, ask=asks)
        if seen.held and asks:
            configuration = with_moves(configuration, _ask_where(seen.held, configuration))
        if seen.changes and not yes:
            _confirm(seen.version)
        applied = apply_configuration(
            database, configuration, by=user(), now=now(), shown=None if yes else seen.version
        )
    finally:
        database.dispose()
    _tell(applied, as_json)


def user() -> str:
    """Who runs the program, as the operating system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def summary(configuration: Configuration) -> str:
    """What the configuration holds, in a line."""
    counts = {
        "people": len(configuration.people),
        "teams": len(configuration.teams),
        "developments": len(configuration.developments),
        "channels": len(configuration.channels),
        "stages": len(configuration.stages),
        "rules": len(configuration.distribution.rules),
        "automations": len(configuration.automations),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _sources() -> Mapping[str, Source]:
    from adapters.sources.registry import sources

    return sources()


def _load(path: Path, settings: Settings) -> tuple[Configuration | None, list[Problem]]:
    from porteiro.configuration.load import load_file

    return load_file(path, _sources(), secrets(settings))


def _print(problems: Iterable[Problem]) -> None:
    for problem in problems:
        typer.echo(str(problem), err=True)


def _moves(written: Iterable[str]) -> dict[str, str]:
    """Entries of `moved` out of the options."""
    pairs = [one.partition("=") for one in written]
    for old, _, new in pairs:
        if not old or not new:
            raise typer.BadParameter("write the old stage and where its OPVs go: --move OLD=NEW")
    return {old: new for old, _, new in pairs}


def _ask_where(held: Mapping[str, int], configuration: Configuration) -> dict[str, str]:
    """Where OPVs go whose stages the file has no more."""
    stages = [one.key for one in configuration.stages if one.active]

    def known(answer: str) -> str:
        if answer.strip() not in stages:
            raise typer.BadParameter(f"there is: {', '.join(stages)}")
        return answer.strip()

    return {
        old: typer.prompt(f"{old} holds {count} open OPVs and is gone: move them to", value_proc=known, err=True)
        for old, count in held.items()
    }


def _confirm(version: int) -> None:
    if not is_terminal():
        raise Reject("not_confirmed", "nobody can be asked here: look at the changes and add --yes")
    in_place = f"version {version}" if version else "nothing"
    typer.confirm(f"Apply these changes to {in_place}?", abort=True, err=True)


def is_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


def _tell(applied: Applied, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(applied)))
    elif not applied.changes:
        typer.echo(f"nothing changed: version {applied.version} is in force")
    else:
        again = f"; {applied.retried} OPVs without owner are distributed again" if applied.retried else ""
        typer.echo(f"applied as version {applied.version}{again}")

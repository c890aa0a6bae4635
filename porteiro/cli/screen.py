"""What the reading commands share: the database opened, and tables for a person or JSON for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from porteiro.settings import Settings
from schemas.errors import Retry

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from porteiro.build import Runtime

AsJson = Annotated[bool, typer.Option("--json", help="JSON for a program.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many, the newest first.")]


@dataclass(frozen=True, slots=True)
class Opened:
    """A reading unit of work; `zone` is the company's, UTC before a configuration is in force."""

    program: Runtime
    tx: Connection
    zone: tzinfo

    def moment(self, at: datetime | None) -> str:
        """A time as people of the house write it."""
        return at.astimezone(self.zone).strftime("%d/%m/%Y %H:%M:%S") if at else ""

    def since(self, text: str | None) -> datetime | None:
        """A time out of an option: ISO 8601, in the company's zone when it names none."""
        return None if text is None else read_moment(text, self.zone)


def read_moment(text: str, zone: tzinfo) -> datetime:
    """A time out of an option: ISO 8601, in `zone` when it names none."""
    try:
        at = datetime.fromisoformat(text)
        return (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time: write for example 2026-03-01T08:00") from None


@contextmanager
def built() -> Iterator[Runtime]:
    """The program of this environment; its connections are closed at the end."""
    from porteiro.build import build

    program = build(Settings())
    try:
        yield program
    finally:
        program.database.dispose()


@contextmanager
def opened() -> Iterator[Opened]:
    """The program of this environment with its database open for reading."""
    with built() as program, program.database.read() as tx:
        yield Opened(program, tx, _zone(program, tx))


def show_json(value: Any) -> None:
    """JSON and nothing else on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; what is not text is written as such, nothing as an empty cell."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(value)) for value in row))
    console().print(table)


def show_fields(title: str, fields: Iterable[tuple[str, Any]]) -> None:
    """One thing's fields, one a line; those without a value are left out."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields:
        if value not in (None, "", [], {}):
            table.add_row(name, Text(clean(value)))
    console().print(table)


def console() -> Console:
    """The screen; wide when it is none, so that a table in a file is whole."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


@contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """A progress bar on a terminal; gives what to tell of each step."""
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    with Progress(*shown, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda more: progress.advance(task, more)


def clean(value: Any) -> str:
    """A value as text that cannot steer a terminal: leads are written by strangers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "sim" if value else "não"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _zone(program: Runtime, tx: Connection) -> tzinfo:
    try:
        return program.houses.current(tx).zone
    except Retry:
        return UTC

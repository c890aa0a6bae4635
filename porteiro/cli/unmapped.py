"""`porteiro unmapped`: values that came in and mean nothing configured, and lines that give them a meaning."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from opv.catalog import REGISTRIES
from porteiro.cli.screen import AsJson, Limit, clean, opened, show_json, show_table
from schemas.conditions import fold
from schemas.operations import UnmappedFilters, UnmappedItem

if TYPE_CHECKING:
    from opv.catalog import Catalog

PLACES = {"development": ("developments", "aliases"), "listing": ("developments", "listings")} | {
    field: (section, "aliases") for field, section in REGISTRIES.items()
}
"""The section that takes a value of the field, and the list of one of its items."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(unmapped)


def unmapped(
    limit: Limit = 50,
    as_json: AsJson = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Lines to paste into the configuration.")] = False,
) -> None:
    """Shows values that came in and mean nothing configured. With `--yaml`, one line a value, under what is nearest by
    name: a development, a campaign, a medium, an origin."""
    from db.queries import operations

    with opened() as at:
        catalog = at.program.houses.current(at.tx).catalog
        page = operations.unmapped(at.tx, UnmappedFilters(limit=limit), catalog.knows)
    if as_yaml:
        typer.echo("\n".join(lines(page.items, catalog)))
    elif as_json:
        show_json(page)
    else:
        rows = [(one.field, one.value, one.channel, one.count, at.moment(one.last_at)) for one in page.items]
        show_table("Valores sem correspondência", ("Campo", "Valor", "Canal", "Vezes", "Última vez"), rows)


def lines(items: Iterable[UnmappedItem], catalog: Catalog) -> list[str]:
    """The lines: under each place of the configuration, the values that go there, the most frequent first."""
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    channels: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for item in items:
        if item.field in PLACES and item.value:
            counts[item.field, item.value] += item.count
            channels[item.field, item.value].add(item.channel or "manual")
    found: defaultdict[str, list[str]] = defaultdict(list)
    for field, value in sorted(counts, key=lambda key: (-counts[key], key)):
        times = f"{counts[field, value]} times on {', '.join(sorted(channels[field, value]))}"
        place, line = _line(field, clean(value), catalog)
        found[place].append(f"- {line}  # {times}")
    return [line for place in sorted(found) for line in (place, *found[place])] or ["# nothing to map"]


def _line(field: str, value: str, catalog: Catalog) -> tuple[str, str]:
    """Where a value goes, and what is written there: another name of what is nearest, or a new item."""
    section, list_ = PLACES[field]
    quoted = json.dumps(value, ensure_ascii=False)
    near = catalog.nearest(field, value)
    if near is not None:
        return f"# {section}: {near.key} ({clean(near.name)}): {list_}", quoted
    if field in REGISTRIES:
        return f"# {section}:", f"{{key: {_key(value)}, name: {quoted}}}"
    return f"# {section}: which one? none has a name like it: {list_}", quoted


def _key(value: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", fold(value)).strip("-")[:64].strip("-") or "key"

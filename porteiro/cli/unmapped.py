"""`porteiro unmapped`: values that came in and mean nothing configured, and lines that give them a meaning."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from porteiro.cli.screen import AsJson, Limit, clean, opened, show_json, show_table
from schemas.operations import UnmappedFilters, UnmappedItem

if TYPE_CHECKING:
    from opv.catalog import Catalog

PLACES = {"development": "aliases", "listing": "listings"}
"""Where a development's configuration takes a value of the field."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(unmapped)


def unmapped(
    limit: Limit = 50,
    as_json: AsJson = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Lines to paste into the configuration.")] = False,
) -> None:
    """Shows values that came in and mean nothing configured. With `--yaml`, one line a value, under the development
    that is nearest by name."""
    from db.queries import operations

    with opened() as at:
        page = operations.unmapped(at.tx, UnmappedFilters(limit=limit))
        catalog = at.program.houses.current(at.tx).catalog if as_yaml else None
    if catalog is not None:
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
            channels[item.field, item.value].add(item.channel)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for field, value in sorted(counts, key=lambda key: (-counts[key], key)):
        near = catalog.nearest(field, value)
        owner = f"{near.key} ({clean(near.name)})" if near else "which one? none has a name like it"
        times = f"{counts[field, value]} times on {', '.join(sorted(channels[field, value]))}"
        quoted = json.dumps(clean(value), ensure_ascii=False)
        found[f"# developments: {owner}: {PLACES[field]}"].append(f"- {quoted}  # {times}")
    return [line for place in sorted(found) for line in (place, *found[place])] or ["# nothing to map"]

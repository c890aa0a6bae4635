"""What each column holds: as told by `--map`, as the channel's mapping says, or by the names that forms use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.sources.form_keys import IDS, KeyTable, Leaf, words
from schemas.conditions import fold
from schemas.errors import Reject

IGNORE = "-"
"""A column that is left out."""
REASON_COLUMN = "Motivo da recusa"
"""What the file of rejected lines has besides; left out when that file is imported, mended."""

SINGLE = (
    "id", "name", "first_name", "last_name", "document", "message", "campaign", "medium", "origin", "development",
    "listing", "transaction", "price", "city", "state", "broker", "submitted_at", "page_url", "test",
)  # fmt: skip
"""Fields with one value: of several columns, the first that is filled gives it, and the others are answers."""
MANY = ("phone", "email", "ddd", "consent")
OPEN = ("answers", "utm", "ad", "click_ids", "extra")
"""Fields of named values: `answers.Quantos quartos`; `answers` alone means by the column's own name."""

META_COLUMNS: Mapping[str, str] = {
    "id": "id", "platform": "origin", "is_organic": "extra.is_organic", "lead_status": "extra.lead_status",
    "inbox_url": "extra.inbox_url", "retailer_item_id": "extra.retailer_item_id", "ad_id": "ad.ad_id",
}  # fmt: skip
"""Columns of Meta's export of leads that forms in general do not have, or call otherwise."""
_META_SIGNS = frozenset({"id", "created_time", "form_id", "platform"})
_ALIASES = {"phones": "phone", "emails": "email", "created_at": "submitted_at"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file and the field that it fills. `why`: `told`, `channel`, `guessed`, or `unknown`, whose
    values are kept as answers. `rank`: of several columns for one field, the smallest comes first."""

    position: int
    name: str
    field: str
    why: str
    rank: int = 0


def map_columns(
    names: Sequence[str],
    samples: Sequence[Sequence[str]],
    told: Iterable[str] = (),
    of_channel: Mapping[str, str] | None = None,
) -> list[Column]:
    """The columns in the file's order. `samples` are rows of it, `told` the texts `Column=field` of `--map`,
    `of_channel` the channel's `mapping` (field to key).

    Raises `Reject` for a column that is not there, and a field that is none."""
    overridden = dict(_told(names, told))
    configured = {_compact(key): _ALIASES.get(field, field) for field, key in (of_channel or {}).items()}
    meta = {name.lower() for name in names} >= _META_SIGNS
    table = KeyTable()
    columns = []
    for position, name in enumerate(names):
        if name in overridden:
            column = Column(position, name, overridden[name], "told", -2)
        elif _compact(name) in configured:
            column = Column(position, name, configured[_compact(name)], "channel", -1)
        else:
            column = _guessed(position, name, table, meta=meta)
        if column.field == "phone" and column.why == "guessed" and _is_area_code(position, name, samples):
            column = replace(column, field="ddd")
        if column.field in OPEN:
            column = replace(column, field=f"{column.field}.{name}")
        columns.append(column)
    return columns


def is_meta_export(columns: Iterable[Column]) -> bool:
    """Whether the file has the columns of Meta's own export."""
    return {column.name.lower() for column in columns} >= _META_SIGNS


def _guessed(position: int, name: str, table: KeyTable, *, meta: bool) -> Column:
    if fold(name) == fold(REASON_COLUMN):
        return Column(position, name, IGNORE, "guessed")
    if meta and name.lower() in META_COLUMNS:
        return Column(position, name, META_COLUMNS[name.lower()], "guessed")
    if _compact(name) in IDS:
        return Column(position, name, "id", "guessed", IDS.index(_compact(name)))
    found = table.meaning(Leaf((name,), (), None))
    return Column(position, name, *((found[0], "guessed", found[1]) if found else ("answers", "unknown", 0)))


def _told(names: Sequence[str], told: Iterable[str]) -> Iterator[tuple[str, str]]:
    by_folded = {fold(name): name for name in reversed(names)}
    for text in told:
        name, equals, field = (part.strip() for part in text.rpartition("="))
        if not equals or not name:
            raise Reject("bad_map", f"--map {text!r}: write it as --map 'Column=field'")
        column = name if name in names else by_folded.get(fold(name))
        if column is None:
            raise Reject("bad_map", f"--map {text!r}: there is no such column; there is: {', '.join(names)}")
        yield column, _field(_ALIASES.get(field, field))


def _field(field: str) -> str:
    place, dot, name = field.partition(".")
    if field in (*SINGLE, *MANY, IGNORE, *OPEN) or (place in OPEN and dot and name):
        return field
    known = ", ".join((*SINGLE, *MANY, *(f"{one}.NAME" for one in OPEN), IGNORE))
    raise Reject("bad_map", f"there is no field {field!r}; there is: {known} ({IGNORE} leaves the column out)")


def _compact(name: str) -> str:
    return "".join(words(name))


def _is_area_code(position: int, name: str, samples: Sequence[Sequence[str]]) -> bool:
    """Whether a phone's column holds the area code alone: it is named DDD, and no value is longer than one."""
    values = [row[position].strip() for row in samples if len(row) > position and row[position].strip()]
    return "ddd" in words(name) and all(sum(c.isdecimal() for c in value) <= 3 for value in values)

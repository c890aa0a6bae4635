"""A line of a file as a lead: read as the `form` source reads one, keyed, and judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from adapters.sources.base import add_answer, identifier
from adapters.sources.form import Form
from adapters.sources.meta_lead_ads import ORIGINS, TEST_EMAILS, TEST_TEXT
from opv.normalize import normalize
from opv.submissions import person_marks
from porteiro.importing.mapping import IGNORE, OPEN, SINGLE, Column, is_meta_export
from porteiro.importing.reading import MAX_CELL, Row
from schemas.lead import Lead
from schemas.source import Entrance

_PREFIXES = {
    "id": "l:", "phone": "p:", "ad.form_id": "f:", "ad.ad_id": "ag:", "ad.adset_id": "as:", "ad.campaign_id": "c:",
}  # fmt: skip
"""What Meta's export writes before ids and phones, so that no spreadsheet takes them for numbers."""


class Verdict(StrEnum):
    """What is done with a line."""

    NEW = "new"
    REPEATED = "repeated"
    FETCHING = "fetching"
    TEST = "test"
    REJECTED = "rejected"


REASONS: Mapping[str, str] = {
    "no_contact": "sem telefone nem e-mail que se possa usar",
    "cell_too_long": f"uma célula tem mais de {MAX_CELL} caracteres",
    "broken_quote": "aspas que não fecham: outras linhas ficaram dentro de uma célula",
    "conflict": "este id já veio com o contato de outra pessoa",
}
"""Why a line is rejected, in words for the file of rejected lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """A lead on its way in. `key` identifies it for ever, `own_key` says that the file gave it; `person` are its
    `person_marks`; `reason` is why it cannot be captured."""

    key: str
    own_key: bool
    lead: Lead
    person: bytes
    test: bool = False
    reason: str | None = None

    @property
    def mark(self) -> str:
        """Stands for the line in the import header: a key that the file gave may come with another person."""
        return mark_of(self.key, self.person if self.own_key else b"")

    @property
    def url(self) -> str:
        """Where it came from, in the place of the address that a request was sent to."""
        place = self.lead.extra["import"]
        return f"file:{quote(place['file'])}?line={place['line']}"

    @property
    def body(self) -> bytes:
        """The delivery's body, as `Source.read_import` reads it."""
        lead = self.lead.model_dump(exclude_defaults=True)
        return json.dumps({"id": self.key, "lead": lead}, ensure_ascii=False, default=_json).encode()


def mark_of(key: str, person: bytes = b"") -> str:
    """A hash of a key, and of whose it is, fit for a header."""
    return hashlib.sha256(person + key.encode()).hexdigest()[:32]


class LineReader:
    """Reads the lines of one file for one channel."""

    def __init__(self, entrance: Entrance, columns: Sequence[Column], file_name: str, separator: str) -> None:
        self._form = Form()
        self._entrance = replace(entrance, options=self._form.options_model(), mapping={})
        self._columns = sorted((c for c in columns if c.field != IGNORE), key=lambda column: column.rank)
        self._meta = is_meta_export(columns)
        self._width = len(columns)
        self._names = {column.position: column.name for column in columns}
        self._file = file_name
        self._separator = separator

    def key(self, row: Row) -> tuple[str, bool]:
        """The line's key, and whether the file gave it: the id's column, else a hash of all that the line says.

        The hash does not know the line's place: a file that grew, was sorted or saved anew has the same keys, and
        a line that is in it twice counts once."""
        ids = (identifier(self._value(row, column)) for column in self._columns if column.field == "id")
        own = next((id_ for id_ in ids if id_), None)
        if own:
            return own, True
        said = sorted((self._names.get(i, str(i)), cell.strip()) for i, cell in enumerate(row.cells) if cell.strip())
        return "line:" + hashlib.sha256(json.dumps(said).encode()).hexdigest()[:40], False

    def read(self, row: Row) -> Line:
        """The lead of a line, and whether it can be captured. Never raises, whatever the cells hold."""
        key, own_key = self.key(row)
        fields, others = self._sorted(row, key)
        read = self._form.read_fields(fields, self._entrance)
        lead = read.lead
        for field, value in others:
            _put(lead, field, value)
        if self._meta:
            lead.origin = ORIGINS.get((lead.origin or "").lower(), lead.origin)
        lead.extra["import"] = {"file": self._file, "line": row.number}
        clean = normalize(lead)
        reason = self._broken(row) or (None if clean.has_contact else "no_contact")
        return Line(key, own_key, lead, person_marks(clean), read.test or _is_meta_test(row.cells), reason)

    def _value(self, row: Row, column: Column) -> str:
        value = row.cells[column.position].strip() if column.position < len(row.cells) else ""
        return value.removeprefix(_PREFIXES.get(column.field, ""))

    def _sorted(self, row: Row, key: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """The values that the form source knows by their field, and those that go where they are told."""
        fields: dict[str, Any] = {"id": key}
        others: list[tuple[str, str]] = []
        for column in self._columns:
            value = self._value(row, column)
            if not value or value == key:
                continue
            if column.field.partition(".")[0] in OPEN:
                others.append((column.field, value))
            elif column.field not in SINGLE:
                one = {"label": column.name, "value": value} if column.field == "consent" else value
                fields.setdefault(column.field, []).append(one)
            elif column.field in fields:
                others.append((f"answers.{column.name}", value))
            else:
                fields[column.field] = value
        surplus = [(i, cell) for i, cell in enumerate(row.cells) if i not in self._names and cell.strip()]
        others += [(f"answers.coluna {position + 1}", cell) for position, cell in surplus]
        return fields, others

    def _broken(self, row: Row) -> str | None:
        if any(len(cell) > MAX_CELL for cell in row.cells):
            return "cell_too_long"
        cuts = max(self._width - 1, 1)
        if any("\n" in cell and cell.count(self._separator) >= cuts for cell in row.cells):
            return "broken_quote"
        return None


def _put(lead: Lead, field: str, value: str) -> None:
    place, _, name = field.partition(".")
    if place == "answers":
        add_answer(lead, name, value)
    else:
        getattr(lead, place).setdefault(name, value)


def _is_meta_test(cells: Sequence[str]) -> bool:
    """A line that Meta's testing tool made; there is no flag."""
    folded = (cell.strip().lower() for cell in cells)
    return any(cell.startswith(TEST_TEXT) or cell in TEST_EMAILS for cell in folded)


def _json(value: Any) -> str:
    return str(value.isoformat())

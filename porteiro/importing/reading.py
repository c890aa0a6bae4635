"""A file of leads as rows of text: CSV or TSV in the encodings that are met, or an Excel workbook.

What a file is, is told by its first bytes, not by its name. Rows are read one after the other, never held.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from schemas.errors import Reject

MAX_BYTES = 50 * 1024 * 1024
MAX_LINES = 1_000_000
MAX_CELL = 32_767
"""Characters of a cell; also what Excel allows."""

EXCEL_SEPARATOR = "sep="
"""A first line that tells Excel the separator (`sep=;`) and holds no data."""

_SEPARATORS = (";", ",", "\t", "|")
_SAMPLE = 64 * 1024
_SNIFFED_ROWS = 30
_HEADER_WITHIN = 20
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Row(NamedTuple):
    """A row with its number, as a spreadsheet counts: the first of the file is 1."""

    number: int
    cells: Sequence[str]


class Rows(Protocol):
    """A kind of file. `kind` says in words what it is; `encoding` and `separator` are those to write it anew with."""

    kind: str
    encoding: str
    separator: str

    def __iter__(self) -> Iterator[Sequence[str]]: ...


@dataclass(frozen=True)
class Table:
    """A file with named columns."""

    path: Path
    rows_of_file: Rows
    header_row: int
    columns: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """The rows below the header that hold anything. Raises `Reject` when there are too many, or the file is
        broken."""
        found = 0
        for number, cells in enumerate(self.rows_of_file, 1):
            if number <= self.header_row or not any(map(str.strip, cells)):
                continue
            found += 1
            if found > MAX_LINES:
                raise Reject("too_many_lines", f"{self.path.name} has more than {MAX_LINES:,} lines: split it")
            yield Row(number, [unguarded(cell) for cell in cells])


def open_table(path: Path, sheet: str | None = None) -> Table:
    """The file, its header found: the first row with two cells filled (titles stand alone above it).

    `sheet` names an Excel workbook's sheet; without it the first visible one is read. Raises `Reject`."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Reject("file_too_large", f"{path.name} is larger than {MAX_BYTES // 1024 // 1024} MiB: split it")
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
    if start.startswith(_OLE):
        raise Reject("old_excel", f"{path.name} is an old Excel file (.xls) or has a password: save it as .xlsx or CSV")
    if start.lstrip().lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise Reject("not_a_table", f"{path.name} is a web page or XML: open it in Excel and save it as .xlsx or CSV")
    rows: Rows
    if start.startswith(_ZIP):
        from porteiro.importing.workbook import Workbook

        rows = Workbook(path, sheet)
    else:
        rows = TextFile(path, start)
    number, header = _header(rows, path)
    return Table(path, rows, number, tuple(_named(header)))


class TextFile:
    """CSV or TSV."""

    def __init__(self, path: Path, start: bytes) -> None:
        self._path = path
        self.encoding = _encoding(path, start)
        with path.open(encoding=self.encoding, newline="") as file:
            try:
                sample = file.read(_SAMPLE)
            except UnicodeDecodeError:
                raise self._broken(0) from None
        first = sample.lstrip("\ufeff").partition("\n")[0].strip()
        self._told = first.lower().startswith(EXCEL_SEPARATOR) and len(first) == len(EXCEL_SEPARATOR) + 1
        self.separator = first[-1] if self._told else _separator(sample)
        shown = {"\t": "tabulação"}.get(self.separator, self.separator)
        name = {"utf-8-sig": "utf-8 (BOM)", "cp1252": "Latin-1 (Windows-1252)", "latin-1": "Latin-1"}
        self.kind = f"texto em {name.get(self.encoding, self.encoding)}, separador {shown}"

    def __iter__(self) -> Iterator[Sequence[str]]:
        number = 0
        with self._path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.separator)
            try:
                for number, row in enumerate(reader, 1):
                    yield [] if number == 1 and self._told else row
            except (UnicodeDecodeError, csv.Error):
                raise self._broken(number + 1) from None

    def _broken(self, row: int) -> Reject:
        detail = f"{self._path.name} cannot be read at row {row}: a quote that is never closed, or no text"
        return Reject("broken_file", detail)


def guarded(cell: str) -> str:
    """A cell as it is written: one that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{cell}" if _is_formula(cell) else cell


def unguarded(cell: str) -> str:
    """A cell as it was meant: without the apostrophe that keeps a spreadsheet from reckoning."""
    return cell[1:] if cell.startswith("'") and cell[1:2] in ("=", "+", "-", "@") else cell


def _is_formula(cell: str) -> bool:
    if cell.startswith(("+", "-")):
        return not cell[1:].lstrip(" (")[:1].isdecimal()  # a phone, or a negative number
    return cell.startswith(("=", "@", "\t", "\r"))


def _encoding(path: Path, start: bytes) -> str:
    """By its byte order mark, else UTF-8 if all of it is, else what Windows in Brazil writes."""
    for bom, name in _BOMS.items():
        if start.startswith(bom):
            return name
    if b"\0" in start:  # UTF-16 without its mark: every other byte of plain text is zero
        even, odd = start[::2].count(0), start[1::2].count(0)
        if max(even, odd) * 4 > len(start):
            return "utf-16-be" if even > odd else "utf-16-le"
    return next((name for name in ("utf-8", "cp1252") if _decodes(path, name)), "latin-1")


def _decodes(path: Path, encoding: str) -> bool:
    with path.open(encoding=encoding, newline="") as file:
        try:
            while file.read(_SAMPLE):
                pass
        except UnicodeDecodeError:
            return False
    return True


def _separator(sample: str) -> str:
    """The one that cuts most of the first rows into equally many cells, the more the better."""

    def cells(separator: str) -> int:
        widths = Counter(map(len, _parsed(sample, separator)))
        widths.pop(1, None)
        return max(((width - 1) * times for width, times in widths.items()), default=0)

    return max(_SEPARATORS, key=cells)


def _parsed(sample: str, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    try:
        yield from islice((row for row in reader if row), _SNIFFED_ROWS)
    except csv.Error:
        return


def _header(rows: Iterable[Sequence[str]], path: Path) -> tuple[int, Sequence[str]]:
    filled = [(n, row) for n, row in enumerate(islice(rows, _HEADER_WITHIN), 1) if any(map(str.strip, row))]
    if not filled:
        raise Reject("empty_file", f"{path.name} has no rows")
    return next(((n, row) for n, row in filled if sum(bool(cell.strip()) for cell in row) > 1), filled[0])


def _named(header: Sequence[str]) -> Iterator[str]:
    """The columns' names, each once: `Telefone`, `Telefone (2)`; one without a name is `coluna 3`."""
    taken: set[str] = set()
    for position, cell in enumerate(header, 1):
        base = name = " ".join(unguarded(cell).lstrip("\ufeff").split()) or f"coluna {position}"
        again = 1
        while name in taken:
            again += 1
            name = f"{base} ({again})"
        taken.add(name)
        yield name

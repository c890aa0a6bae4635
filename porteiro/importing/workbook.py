"""An Excel workbook's sheet as rows of text (openpyxl, read-only: rows are not held)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from schemas.errors import Reject

MAX_UNPACKED = 512 * 1024 * 1024
"""Bytes that the workbook may have when unpacked; a sheet of a million lines has fewer."""

_AT_ONCE = 200
_BROKEN = (BadZipFile, KeyError, ValueError, ParseError, EOFError)


class Workbook:
    """One sheet of a workbook. Formulas count as their last result; text that looks like one is text."""

    encoding = "utf-8-sig"
    separator = ";"

    def __init__(self, path: Path, sheet: str | None = None) -> None:
        self._path = path
        try:
            with ZipFile(path) as packed:
                if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
                    raise Reject("file_too_large", f"{path.name} is too large when unpacked: split it")
        except BadZipFile:
            raise self._broken() from None
        book = self._open()
        try:
            names = book.sheetnames
            visible = [one.title for one in book.worksheets if one.sheet_state == "visible"] or names
        finally:
            book.close()
        if sheet is not None and sheet not in names:
            raise Reject("unknown_sheet", f"{path.name} has no sheet {sheet}; there is: {', '.join(names)}")
        self._sheet = sheet or visible[0]
        others = f" (há mais {len(names) - 1}: veja --sheet)" if len(names) > 1 else ""
        self.kind = f"Excel, planilha {self._sheet}{others}"

    def __iter__(self) -> Iterator[Sequence[str]]:
        book = self._open()
        try:
            sheet = book[self._sheet]
            sheet.reset_dimensions()  # what some programs write there is wrong
            values = sheet.iter_rows(values_only=True)
            while rows := self._some(values):
                yield from rows
        finally:
            book.close()

    def _some(self, values: Iterator[Sequence[Any]]) -> list[list[str]]:
        with warnings.catch_warnings():  # of dates and styles that openpyxl does not know
            warnings.simplefilter("ignore")
            try:
                return [[text(value) for value in row] for row in islice(values, _AT_ONCE)]
            except _BROKEN:
                raise self._broken() from None

    def _open(self) -> Any:
        import openpyxl

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                book = openpyxl.load_workbook(self._path, read_only=True, data_only=True)
            except _BROKEN:
                raise self._broken() from None
        if not book.worksheets:
            raise Reject("empty_file", f"{self._path.name} has no sheet with cells")
        return book

    def _broken(self) -> Reject:
        return Reject("broken_file", f"{self._path.name} cannot be read as an Excel file: save it anew as .xlsx or CSV")


def text(value: Any) -> str:
    """A cell's value as a person would write it: whole numbers without fraction, times in ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "sim" if value else "não"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).encode("utf-8", "replace").decode()

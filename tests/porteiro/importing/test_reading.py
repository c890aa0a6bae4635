"""Files as they come out of Excel, Meta and other systems, read as rows of text."""

from __future__ import annotations

import csv
from datetime import date, datetime, time
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest

from porteiro.importing import reading, workbook
from porteiro.importing.reading import Row, guarded, open_table, unguarded
from schemas.errors import Reject
from tests.porteiro.importing.conftest import FIXTURES, Written

COLUMNS = ("Nome", "Telefone", "Observação")


@pytest.mark.parametrize(
    ("file", "kind", "header", "name"),
    [
        ("planilha_latin1.csv", "texto em Latin-1 (Windows-1252), separador ;", 2, "José Exemplo"),
        ("planilha_utf8_bom.csv", "texto em utf-8 (BOM), separador ;", 2, "José Exemplo"),
        ("meta_export.csv", "texto em utf-16, separador tabulação", 1, "l:1203344556677001"),
    ],
)
def test_files_as_they_are_met(file: str, kind: str, header: int, name: str) -> None:
    table = open_table(FIXTURES / file)
    first = next(table.rows())
    assert (table.rows_of_file.kind, table.header_row) == (kind, header)
    assert (first.number, first.cells[0]) == (header + 1, name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_every_encoding_and_separator(written: Written, encoding: str, separator: str) -> None:
    rows = [COLUMNS, ("João", "11 98000-0101", '"olá, tudo; bem | sim\tnão"'), ("Ana", "11 98000-0102", "ação")]
    table = open_table(written(map(separator.join, rows), encoding=encoding))
    assert table.columns == COLUMNS
    assert [row.cells for row in table.rows()] == [["João", "11 98000-0101", "olá, tudo; bem | sim\tnão"], [*rows[2]]]


def test_bytes_that_windows_1252_does_not_have(written: Written) -> None:
    table = open_table(written(["Nome;Telefone", "Jo\xe3o \x81;1"], encoding="latin-1"))
    assert [row.cells for row in table.rows()] == [["João \x81", "1"]]


def test_blank_rows_titles_and_nameless_columns(written: Written) -> None:
    table = open_table(written(["", "Leads de setembro;;", "Nome;;Nome", "", " ; ;", "Ana;1;2;3", "Bia"]))
    assert table.columns == ("Nome", "coluna 2", "Nome (2)")
    assert list(table.rows()) == [Row(6, ["Ana", "1", "2", "3"]), Row(7, ["Bia"])]


def test_one_column_alone(written: Written) -> None:
    table = open_table(written(["Telefone", "11 98000-0101"]))
    assert (table.columns, [row.cells for row in table.rows()]) == (("Telefone",), [["11 98000-0101"]])


def test_excel_cells_become_text(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Relatório"])
    sheet.append(["Nome", "Telefone", "Data", "Hora", "Aceito", "Valor", "Texto"])
    sheet.append(["Ana", 5511980000101.0, datetime.fromisoformat("2026-09-21"), time(11, 15), True, 1234.5, "=SOMA(1)"])
    sheet["G3"].data_type = "s"
    sheet.append([])
    sheet.append(["Bia", 11980000102, datetime.fromisoformat("2026-09-21T11:15:20"), None, False, 3, "'+55 11"])
    sheet["C3"].number_format, sheet["C5"].number_format = "dd/mm/yyyy", "dd/mm/yyyy hh:mm"
    book.create_sheet("Outra").append(["Nome", "Telefone"])
    book.save(tmp_path / "leads.xlsx")
    table = open_table(tmp_path / "leads.xlsx")
    assert table.rows_of_file.kind == "Excel, planilha Sheet (há mais 1: veja --sheet)"
    assert list(table.rows()) == [
        Row(3, ["Ana", "5511980000101", "2026-09-21", "11:15:00", "sim", "1234.5", "=SOMA(1)"]),
        Row(5, ["Bia", "11980000102", "2026-09-21T11:15:20", "", "não", "3", "+55 11"]),
    ]
    assert open_table(tmp_path / "leads.xlsx", "Outra").columns == ("Nome", "Telefone")
    with pytest.raises(Reject, match="Sheet, Outra"):
        open_table(tmp_path / "leads.xlsx", "Nenhuma")
    assert [workbook.text(value) for value in (date(2026, 9, 21), 1e20, "\ud800")] == ["2026-09-21", "1e+20", "?"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b" \r\n;;\r\n", "empty_file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_excel"),
        (b"  <HTML><table></table>", "not_a_table"),
        (b"PK\x03\x04 no zip", "broken_file"),
        (b'Nome;Telefone\nAna;"' + b"x" * 200_000, "broken_file"),
        (b"\xff\xfeN\x00o", "broken_file"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    with pytest.raises(Reject) as refused:
        list(open_table(path).rows())
    assert refused.value.reason == reason


def test_limits(written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(["Nome;Telefone", *["Ana;1"] * 3])
    monkeypatch.setattr(reading, "MAX_LINES", 2)
    with pytest.raises(Reject) as refused:
        list(open_table(path).rows())
    assert refused.value.reason == "too_many_lines"
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    with pytest.raises(Reject) as refused:
        open_table(path)
    assert refused.value.reason == "file_too_large"
    with ZipFile(tmp_path / "bomb.xlsx", "w") as packed:
        packed.writestr("xl/workbook.xml", b"0" * 100)
    monkeypatch.setattr(reading, "MAX_BYTES", 1000)
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 99)
    with pytest.raises(Reject) as refused:
        open_table(tmp_path / "bomb.xlsx")
    assert refused.value.reason == "file_too_large"


@pytest.mark.parametrize("cell", ["=1+1", "@soma", "+cmd|x", "-a", "\tx", "+55 11", "+(55) 11", "-10", "olá", ""])
def test_formulas_are_written_as_text_and_read_back(cell: str) -> None:
    assert (guarded(cell) != cell) == cell.startswith(("=", "@", "+cmd", "-a", "\t"))
    assert unguarded(guarded(cell)) == cell or cell == "\tx"


def test_the_csv_modules_limits_are_left_alone() -> None:
    assert csv.field_size_limit() == 131_072

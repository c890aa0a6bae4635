"""Files are told by content and name; names can do no harm."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from opv.file_types import clean_name, type_by_content, type_by_name
from tests.opv.files import DOCM, DOCX, JPEG, PDF, PNG, TXT, WEBP, XLSX, office, zipped

WORD = "openxmlformats-officedocument.wordprocessingml.document.main+xml"


def written_by_excel() -> bytes:
    made = BytesIO()
    openpyxl.Workbook().save(made)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PDF, "pdf"), (JPEG, "jpeg"), (PNG, "png"), (WEBP, "webp"), (TXT, "txt"), (DOCX, "docx"), (XLSX, "xlsx"),
        (written_by_excel(), "xlsx"),
        ("Ação até às 10h".encode("cp1252"), "txt"),
        (b"<script>alert(1)</script>", "txt"),  # never shown, so of no harm
        (b"", None),
        (b"MZ\x90\x00", None),
        (b"\x7fELF\x02\x01\x01", None),
        (b"GIF89a\x01\x00", None),
        ("Olá".encode("utf-16"), None),
        (b"texto\x00com nulo", None),
        (b" " * 300_000 + b"\x01", None),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
        (zipped({"foto.jpg": "x"}), None),
        (zipped({"word/document.xml": "<w/>"}), None),
        (DOCM, None),
        (office(WORD, **{"word/vbaProject.bin": "x"}), None),
        (DOCX[:-10], None),
        (DOCX[:40], None),
    ],
)  # fmt: skip
def test_content(content: bytes, expected: str | None, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert type_by_content(path) == expected


def test_an_archive_with_a_list_too_long_is_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", WORD)
        for number in range(10_001):
            archive.writestr(str(number), b"")
    assert type_by_content(path) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.PDF", "pdf"), ("a.jpeg", "jpeg"), ("a.jpg", "jpeg"), ("a.pdf.exe", None), ("pdf", None), ("a.zip", None)],
)
def test_types_by_name(name: str, expected: str | None) -> None:
    assert type_by_name(name) == expected


@pytest.mark.parametrize(
    ("sent", "clean"),
    [
        ("RG da Maria.pdf", "RG da Maria.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ana\\rg.pdf", "rg.pdf"),
        ("/etc/cron.d/x.txt", "x.txt"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie_ x.pdf"),
        ("contrato\u202efdp.exe.pdf", "contratofdp.exe.pdf"),
        ('con"trato<1>?.pdf', "con_trato_1__.pdf"),
        ("CON.pdf", "_CON.pdf"),
        ("ação.pdf", "ação.pdf"),
        (" . ", "arquivo"),
        ("", "arquivo"),
        (".pdf", "arquivo.pdf"),
        ("é" * 300 + ".pdf", "é" * 73 + ".pdf"),
    ],
)
def test_names(sent: str, clean: str) -> None:
    assert clean_name(sent) == clean
    assert clean_name(clean) == clean

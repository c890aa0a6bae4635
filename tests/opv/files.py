"""Small files of each type, made in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

PDF = b"%PDF-1.7\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 "
TXT = "Olá, Maria\r\n".encode()
_TYPES = '<?xml version="1.0"?><Types><Override ContentType="application/vnd.{}"/></Types>'


def zipped(parts: Mapping[str, str]) -> bytes:
    """A zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()


def office(main: str, **parts: str) -> bytes:
    """An office file whose main part is of this content type."""
    return zipped({"[Content_Types].xml": _TYPES.format(main), "word/document.xml": "<w/>", **parts})


DOCX = office("openxmlformats-officedocument.wordprocessingml.document.main+xml")
XLSX = office("openxmlformats-officedocument.spreadsheetml.sheet.main+xml")
DOCM = office("ms-word.document.macroEnabled.main+xml")

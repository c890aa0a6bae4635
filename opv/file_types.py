"""What a file is: told by its content as well as by its name, and a name that can do no harm. Seven types may be put
to an OPV; that is few enough for rules of our own (docs/decisions/libraries.md)."""

from __future__ import annotations

import codecs
import re
import struct
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path

from schemas.config import FileType

EXTENSIONS: dict[str, FileType] = {
    "pdf": "pdf", "jpg": "jpeg", "jpeg": "jpeg", "png": "png", "webp": "webp", "docx": "docx", "xlsx": "xlsx",
    "txt": "txt",
}  # fmt: skip

_OFFICE = "application/vnd.openxmlformats-officedocument."
CONTENT_TYPES: dict[FileType, str] = {
    "pdf": "application/pdf",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "docx": f"{_OFFICE}wordprocessingml.document",
    "xlsx": f"{_OFFICE}spreadsheetml.sheet",
    "txt": "text/plain",
}

_MAIN_PARTS: dict[bytes, FileType] = {
    b"wordprocessingml.document.main+xml": "docx",
    b"spreadsheetml.sheet.main+xml": "xlsx",
}
_MOST_PARTS, _MOST_DIRECTORY = 10_000, 2**21
"""Parts of an office file and bytes of its list of parts, beyond which it is none: reading a list costs memory."""

_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\v\f\r"})
_CHUNK = 256 * 1024
_MOST_NAME = 150
"""Bytes of a name in UTF-8; file systems take 255."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def type_by_name(name: str) -> FileType | None:
    """What the extension says."""
    return EXTENSIONS.get(name.rpartition(".")[2].lower()) if "." in name else None


def type_by_content(path: Path) -> FileType | None:
    """What the content says; None for all but the seven. Office files with macros are none of them."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(b"PK\x03\x04"):
        return _office(path)
    return "txt" if head and _is_text(path) else None


def clean_name(name: str) -> str:
    """The last part of a path as a name for any system: no control or invisible characters, nothing with a meaning to
    a shell or file system, not too long, with its extension."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(one for one in name if unicodedata.category(one)[0] != "C")
    name = re.sub(r'[<>:"|?*%]', "_", " ".join(name.split())).rstrip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    while len(stem.encode()) + len(extension.encode()) + 1 > _MOST_NAME and stem:
        stem = stem[:-1]
    stem = stem.strip(" .") or "arquivo"
    return ("_" if _RESERVED.fullmatch(stem) else "") + stem + dot + extension


def _office(path: Path) -> FileType | None:
    try:
        if not _short_directory(path):
            return None
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            with archive.open("[Content_Types].xml") as part:
                types = part.read(_MOST_DIRECTORY)
    except Exception:  # a crafted archive fails in more ways than can be listed
        return None
    if b"macroEnabled" in types or any(name.lower().endswith("vbaproject.bin") for name in names):
        return None
    found = [kind for mark, kind in _MAIN_PARTS.items() if mark in types]
    return found[0] if len(found) == 1 else None


def _short_directory(path: Path) -> bool:
    """Whether the archive's list of parts is of a size that an office file has."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 66_000))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or tail[max(0, end - 20) : end].startswith(b"PK\x06\x07"):  # none, or one of the 64-bit kind
        return False
    parts, size = struct.unpack_from("<HI", tail, end + 10)
    return bool(parts <= _MOST_PARTS and size <= _MOST_DIRECTORY)


def _is_text(path: Path) -> bool:
    """Whether it is text without control characters, in UTF-8 or as Windows writes it."""
    return any(_decodes(path, encoding) for encoding in ("utf-8", "cp1252"))


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            if len(chunk.translate(None, _CONTROLS)) != len(chunk):
                return False
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk

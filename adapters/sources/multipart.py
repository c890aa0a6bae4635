"""multipart/form-data (RFC 7578), as browsers, JotForm and inbound e-mail services send it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser

from adapters.sources.reading import MAX_PAIRS
from schemas.errors import Park

MAX_HEAD = 8 * 1024
"""Bytes of a part's headers; reading many parameters takes the square of their number."""

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def multipart_body(body: bytes, content_type: str = "") -> tuple[list[tuple[str, str]], list[str]]:
    """Fields in the order sent, each text UTF-8, else Latin-1, and the names of the files, whose content is left.

    The boundary is the one that the body begins with, else the header's. Raises `Park('not_form')`."""
    fields: list[tuple[str, str]] = []
    files: list[str] = []
    for part in _parts(body, _boundary(body, content_type)):
        name, file = _parameter(part, "name"), _parameter(part, "filename")
        if file is not None:
            files += [file] if file else []
        elif name is not None and isinstance(content := part.get_payload(decode=True), bytes):
            fields.append((name, _text(content)))
        if len(fields) + len(files) > MAX_PAIRS:
            raise Park("not_form", f"the body has more than {MAX_PAIRS} form fields")
    if not fields and not files:
        raise Park("not_form", "the body has no field that its boundary would set apart")
    return fields, files


def _boundary(body: bytes, content_type: str) -> bytes:
    start = body.lstrip()[:200]
    if start.startswith(b"--"):
        return start.partition(b"\n")[0].rstrip()[2:]
    header = Message()
    header["Content-Type"] = content_type
    return (header.get_boundary() or "").encode("latin-1", "replace")


def _parts(body: bytes, boundary: bytes) -> Iterator[Message]:
    """The parts, each with its headers and its content as text that has one sign for each byte."""
    if not boundary:
        return
    body = body.lstrip()
    delimiters = re.finditer(rb"--%b(--)?[ \t]*(?:\r?\n|\Z)" % re.escape(boundary), body)
    starts, ends = [], []
    for delimiter in delimiters:
        if body[max(0, delimiter.start() - 1) : delimiter.start()] not in (b"", b"\n"):
            continue
        ends.append(delimiter.start())
        starts.append(delimiter.end())
        if delimiter[1]:
            break
    else:
        ends.append(len(body))
    for start, end in zip(starts, ends[1:], strict=False):
        blank = _BLANK_LINE.search(body, start, min(end, start + MAX_HEAD))
        if blank:
            part = HeaderParser().parsestr(body[start : blank.start()].decode("latin-1"))
            part.set_payload(body[blank.end() : end].removesuffix(b"\n").removesuffix(b"\r").decode("latin-1"))
            yield part


def _parameter(part: Message, name: str) -> str | None:
    """A parameter of `Content-Disposition`, plain or as RFC 2231 encodes it."""
    try:
        value = part.get_param(name, header="content-disposition")
    except (ValueError, LookupError):
        return None
    if isinstance(value, tuple):
        value = value[2]
    return None if value is None else _text(value.encode("latin-1", "replace"))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")

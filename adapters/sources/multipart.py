"""multipart/form-data (RFC 7578), as browsers, JotForm and inbound e-mail services send it."""

from __future__ import annotations

from email import message_from_string
from email.message import Message

from adapters.sources.reading import MAX_PAIRS
from schemas.errors import Park


def multipart_body(body: bytes, content_type: str = "") -> tuple[list[tuple[str, str]], list[str]]:
    """Fields in the order sent, each text UTF-8, else Latin-1, and the names of the files, whose content is left.

    The boundary is the one that the body begins with, else the header's. Raises `Park('not_form')`."""
    start = body.lstrip()
    if start.startswith(b"--"):
        boundary = start.partition(b"\n")[0].rstrip()[2:].decode("latin-1").replace("\\", "").replace('"', "")
        content_type = f'multipart/form-data; boundary="{boundary}"'
    message = message_from_string(f"Content-Type: {content_type.strip()}\r\n\r\n{start.decode('latin-1')}")
    parts = [part for part in message.get_payload() if isinstance(part, Message)] if message.is_multipart() else []
    if len(parts) > MAX_PAIRS:
        raise Park("not_form", f"the body has more than {MAX_PAIRS} form fields")
    fields: list[tuple[str, str]] = []
    files: list[str] = []
    for part in parts:
        name, file = _parameter(part, "name"), _parameter(part, "filename")
        content = part.get_payload(decode=True)
        if file is not None:
            files += [file] if file else []
        elif name is not None and isinstance(content, bytes):
            fields.append((name, _text(content)))
    if not fields and not files:
        raise Park("not_form", "the body has no field that its boundary would set apart")
    return fields, files


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

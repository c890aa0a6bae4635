"""A mail's lines of label and value (`Telefone: …`), which is all that the mails of portals have in common.

No portal publishes the layout of its mails, and layouts change without notice: nothing here goes by position.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.sources.form_keys import SYNONYMS, compact, words

USUAL: Mapping[str, Sequence[str]] = {
    "name": ("interessado", "interessada", "nome interessado", "cliente interessado", "remetente", "visitante"),
    "phone": ("telefone interessado", "fone/whatsapp", "telefones"),
    "ddd": ("ddd",),
    "email": ("email interessado",),
    "message": ("mensagem interessado", "texto mensagem", "pergunta"),
    "listing": ("codigo", "cod", "codigo referencia", "codigo anunciante", "codigo imobiliaria", "id imovel portal"),
}
"""What mails call a lead's fields, besides the names that forms use."""

LONGEST_LABEL = 60
MAX_WORDS = 3
"""Words of a label that nobody knows: what is longer is a sentence."""
MAX_VALUES = 200
"""Labelled values of one mail."""

_FORWARDED = frozenset({
    "de", "para", "cc", "cco", "assunto", "enviado", "enviada", "enviado em", "enviada em", "data", "from", "to",
    "subject", "sent", "date",
})  # fmt: skip
"""Labels of what a mail program writes above a forwarded mail."""
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_RULE = re.compile(r"[-_=*–—]{2,}")
_LINK = re.compile(r"\s*<(?:mailto|tel|https?):[^<>]*>")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)+")


@dataclass(slots=True)
class _Value:
    """A label, the lead's field that it means, and the lines of its value so far."""

    label: str
    means: str | None
    lines: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def is_message(self) -> bool:
        return self.means == "message"

    @property
    def is_said(self) -> bool:
        return any(self.lines)


class Labels:
    """The labels of one channel: its option `labels` and its `mapping` go before the usual ones."""

    def __init__(self, labels: Mapping[str, Sequence[str]], mapping: Mapping[str, str]) -> None:
        mapped = {means: (label,) for means, label in mapping.items()}
        self._means: dict[str, str] = {}
        for table in (labels, mapped, USUAL, SYNONYMS):
            for means, names in table.items():
                for name in names:
                    self._means.setdefault(compact(name), means)
        self.mapping = {means: _key(means) for means in self._means.values()}
        """Where each field stands in what `values` gives, as a channel's mapping says it."""

    def values(self, cells: Iterable[str]) -> list[dict[str, Any]]:
        """The values of a mail with their labels, as fields of a form. A value stands behind its label or below it,
        in the same cell or in the next; a message goes on until a known label, two blank lines or the cell's end."""
        found: list[_Value] = []
        current: _Value | None = None
        for cell in cells:
            alone = "\n" not in cell.strip()
            for line in cell.split("\n"):
                current = self._take(line.strip(), current, found, alone=alone)
                if len(found) > MAX_VALUES:
                    break
            current = None if current and current.is_said else current
        return [_as_field(one) for one in found if one.is_said]

    def _take(self, line: str, current: _Value | None, found: list[_Value], *, alone: bool) -> _Value | None:
        """Takes a line; gives the value that the next one may belong to."""
        if not line:
            return _after_blank(current)
        if _RULE.fullmatch(line):
            return None
        in_message = current is not None and current.is_message
        value = self._labelled(line, alone=alone)
        if value is not None and (value.means or not in_message):
            found.append(value)
            if current is not None and in_message and current.is_said and value.is_said and not value.is_message:
                current.interrupted = True
                return current
            return value if value.is_message or not value.is_said else None
        if current is not None:
            current.lines.append(line.lstrip("> ") if in_message else line)
            return current if in_message else None
        return None

    def _labelled(self, line: str, *, alone: bool) -> _Value | None:
        head, colon, tail = line.partition(":")
        label, said = _EDGES.sub("", head), tail.strip(" *|>\t")
        if not label or len(label) > LONGEST_LABEL:
            return None
        means = self._means.get(compact(label))
        if means is not None:
            return _Value(label, means, [said])
        named = words(label)
        is_label = colon and len(named) <= MAX_WORDS and not any(map(str.isdigit, label)) and not tail.startswith("//")
        if is_label and (said or alone) and " ".join(named) not in _FORWARDED:
            return _Value(label, None, [said])
        return None


def _after_blank(current: _Value | None) -> _Value | None:
    if current is None or not current.is_said:
        return current
    if current.interrupted or not current.lines[-1]:
        return None
    current.lines.append("")
    return current


def _as_field(value: _Value) -> dict[str, Any]:
    text = _LINK.sub("", "\n".join(value.lines).strip())
    if value.means == "email" and (address := _ADDRESS.search(text)):
        text = address[0]
    return {"title": value.label, "key": _key(value.means) if value.means else None, "value": text}


def _key(means: str) -> str:
    """A name that no label has."""
    return f"mail field {means}".replace(".", " ")

"""A platform's API for tests: an HTTP client that gives the answers it was made with and keeps what was asked."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.source import HttpAnswer


class PlatformApi:
    """Gives its answers one after the other, the last one for ever. `asked` holds URL, parameters and headers."""

    def __init__(self, *answers: HttpAnswer) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, str], Mapping[str, str]]] = []

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        self.asked.append((url, params or {}, headers or {}))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def answer(body: bytes = b"{}", status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """An answer; header names in lower case."""
    return HttpAnswer(status, headers or {}, body)

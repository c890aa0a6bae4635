"""A platform's API for tests: an HTTP client that gives the answers it was made with and keeps what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.source import HttpAnswer


class PlatformApi:
    """Gives its answers one after the other, the last one for ever. `asked` holds URL, parameters (of a POST
    the body) and headers."""

    def __init__(self, *answers: HttpAnswer) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, Any], Mapping[str, str]]] = []

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        return self._answer(url, params or {}, headers or {})

    def post(self, url: str, *, json: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpAnswer:
        return self._answer(url, json, headers or {})

    def _answer(self, url: str, said: Mapping[str, Any], headers: Mapping[str, str]) -> HttpAnswer:
        self.asked.append((url, said, headers))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def answer(body: bytes = b"{}", status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """An answer; header names in lower case."""
    return HttpAnswer(status, headers or {}, body)

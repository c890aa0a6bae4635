"""Outbound HTTP for sources and targets: requests with bounded time and size, tenacity for short blips only.

Longer retries live in rows. Addresses are never logged: a query may hold a token."""

from __future__ import annotations

from collections.abc import Mapping
from threading import local
from typing import Any

import requests
from tenacity import retry, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential

from schemas.errors import Retry
from schemas.source import HttpAnswer

TIMEOUT = (3.05, 10.0)
"""Seconds to connect, and between two bytes."""
SHORT_TIMEOUT = (2.0, 4.0)
"""The same while a person waits."""

MAX_ANSWER = 5 * 1024 * 1024


class RequestsClient:
    """The `HttpClient` of the house. One session a thread; redirects are not followed."""

    def __init__(self, timeout: tuple[float, float] | None = None) -> None:
        """`timeout`: `TIMEOUT`, unless another one is given."""
        self._sessions = local()
        self._timeout = timeout

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """One GET, with up to three tries within two seconds when there is no connection."""
        try:
            return self._get(url, params or {}, headers or {})
        except requests.RequestException as error:
            raise _no_answer(error) from None

    def post(self, url: str, *, json: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """One POST of JSON, tried once: the other side may have taken one that got no answer."""
        try:
            return self._send("POST", url, headers or {}, json=json)
        except requests.RequestException as error:
            raise _no_answer(error) from None

    @retry(
        retry=retry_if_exception_type(requests.ConnectionError),
        stop=stop_after_attempt(3) | stop_after_delay(2),
        wait=wait_random_exponential(multiplier=0.1, max=0.5),
        reraise=True,
    )
    def _get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> HttpAnswer:
        return self._send("GET", url, headers, params=params)

    def _send(self, method: str, url: str, headers: Mapping[str, str], **content: Any) -> HttpAnswer:
        with self._session().request(
            method,
            url,
            headers=headers,
            timeout=self._timeout or TIMEOUT,
            allow_redirects=False,
            stream=True,
            **content,
        ) as answer:
            body = bytearray()
            for part in answer.iter_content(65536):
                body += part
                if len(body) > MAX_ANSWER:
                    raise Retry("answer_too_large", f"the platform's answer is over {MAX_ANSWER} bytes")
            return HttpAnswer(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, bytes(body))

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
        return session


def _no_answer(error: requests.RequestException) -> Retry:
    return Retry("no_answer", f"the platform did not answer ({type(error).__name__})")

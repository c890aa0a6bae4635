"""One request to a platform's API with a Bearer token, and what each way of saying no means.

Platforms quote what they were sent in their error texts; only the status is passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from adapters.sources.base import HttpClient, Park, Retry
from schemas.source import HttpAnswer

LATER: Mapping[int, tuple[str, str]] = {
    401: ("token_expired", "the access token is not accepted: set a new one"),
    403: ("permission_missing", "the access token lacks a permission"),
    404: ("not_yet_readable", "the lead is not there yet, or not for this token"),
    408: ("platform_error", "the platform has a temporary fault"),
    426: ("api_version_gone", "the platform no longer serves this version of its API: set a newer one"),
    429: ("rate_limited", "the platform's rate limit is reached"),
}
"""Statuses after which a later try can succeed, besides redirects and 5xx."""


def get_with_token(
    http: HttpClient,
    url: str,
    token: SecretStr,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The body of a 200. Raises `Retry` when a later try (with another token, perhaps) can succeed, else `Park`."""
    bearer = {"Authorization": f"Bearer {token.get_secret_value()}"}
    answer = http.get(url, params=params, headers={**bearer, **(headers or {})})
    if answer.status == 200:
        return answer.body
    raise _fault(answer)


def post_with_token(http: HttpClient, url: str, token: SecretStr, *, json: Mapping[str, Any]) -> bytes:
    """The same for a POST of JSON that only asks."""
    answer = http.post(url, json=json, headers={"Authorization": f"Bearer {token.get_secret_value()}"})
    if answer.status == 200:
        return answer.body
    raise _fault(answer)


def _fault(answer: HttpAnswer) -> Retry | Park:
    status = answer.status
    reason, words = LATER.get(status, ("", ""))
    if not reason and (status < 400 or status >= 500):
        reason, words = LATER[408]
    if not reason:
        return Park("platform_refused", f"the platform refuses to give the lead (HTTP {status})")
    wait = answer.headers.get("retry-after", "") if status == 429 else ""
    known = wait.isascii() and wait.isdigit() and len(wait) < 6
    return Retry(reason, f"{words} (HTTP {status})", timedelta(seconds=int(wait)) if known else None)

"""Meta's Graph API: one GET with a token, what each way of saying no means, and what it says of a page and its token.

Graph's error messages can quote the access token; only their numbers are passed on.
https://developers.facebook.com/documentation/ads-commerce/marketing-api/guides/lead-ads/retrieving
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.sources.base import Checked, HttpClient, Park, Retry, json_object
from schemas.source import HttpAnswer

NOT_YET, TOKEN, PERMISSION = "not_yet_readable", "token_expired", "permission_missing"
LIMITED, DOWN = "rate_limited", "platform_error"
RETRIES: dict[int, tuple[str, str]] = {
    1: (DOWN, "Graph has a temporary fault"),
    2: (DOWN, "Graph has a temporary fault"),
    190: (TOKEN, "the page token is no longer valid: set a new one"),
    **dict.fromkeys((10, *range(200, 300)), (PERMISSION, "the page token lacks a permission (leads_retrieval, …)")),
    **dict.fromkeys((4, 17, 32, 613, 80005), (LIMITED, "Graph's rate limit is reached")),
}
"""Graph error codes after which a later try can succeed."""

SCOPES = ("leads_retrieval",)
"""Permissions without which no lead can be read."""
FORMS_AT_ONCE = 200
MOST_FORMS = 2000


@dataclass(frozen=True, slots=True)
class Graph:
    """The API as one channel asks it. `proof`: the app secret, for apps that require `appsecret_proof`."""

    http: HttpClient
    address: str
    token: str
    proof: str | None = None

    def get(self, path: str, **params: str) -> bytes:
        """The body of a 200. Raises `Retry` when a later try (with another token, perhaps) can succeed, else `Park`."""
        asked = {**params, "access_token": self.token}
        if self.proof is not None:
            asked["appsecret_proof"] = hmac.new(self.proof.encode(), self.token.encode(), hashlib.sha256).hexdigest()
        answer = self.http.get(f"{self.address.rstrip('/')}/{path}", params=asked)
        if answer.status == 200:
            return answer.body
        raise _fault(answer)

    def forms_of(self, page: str) -> list[str]:
        """Ids of a page's forms, the archived ones too: they may have brought leads until a moment ago."""
        found: list[str] = []
        after: str | None = ""
        while after is not None and len(found) < MOST_FORMS:
            params = {"fields": "id", "limit": str(FORMS_AT_ONCE), **({"after": after} if after else {})}
            body = json_object(self.get(f"{page}/leadgen_forms", **params))
            found += [str(item["id"]) for item in items(body) if item.get("id")]
            after = following(body)
        return found

    def check(self, page: str | None) -> Iterator[Checked]:
        """Whether the token is good, until when and for what, and whether the page is subscribed to leads."""
        told = json_object(self.get("debug_token", input_token=self.token)).get("data")
        data = told if isinstance(told, dict) else {}
        until = _until(data)
        if data.get("is_valid") is not True:
            yield Checked("token", False, "the page token is no longer valid: set a new one", until)
        else:
            yield Checked("token", True, "the page token is valid", until)
        if lacking := [scope for scope in SCOPES if scope not in _names(data.get("scopes"))]:
            yield Checked("permissions", False, f"the page token lacks {', '.join(lacking)}")
        else:
            yield Checked("permissions", True, f"the page token has {', '.join(SCOPES)}")
        if page is not None:
            apps = items(json_object(self.get(f"{page}/subscribed_apps", fields="id,name,subscribed_fields")))
            if any("leadgen" in _names(app.get("subscribed_fields")) for app in apps):
                yield Checked("subscription", True, f"page {page} is subscribed to leadgen")
            else:
                yield Checked("subscription", False, f"page {page} is not subscribed to leadgen: no lead is told of")


def items(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of a list that Graph gives."""
    data = body.get("data")
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []


def following(body: Mapping[str, Any]) -> str | None:
    """The cursor of the next page; None on the last one."""
    paging = body.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return after if isinstance(after, str) and after else None


def _names(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _until(data: Mapping[str, Any]) -> datetime | None:
    """When the token, or what it may see, ends; 0 is never."""
    ends = [data.get(name) for name in ("expires_at", "data_access_expires_at")]
    known = [end for end in ends if isinstance(end, int) and 0 < end < 2**33]
    return datetime.fromtimestamp(min(known), UTC) if known else None


def _fault(answer: HttpAnswer) -> Retry | Park:
    """What to do about an answer that holds nothing, by Graph's error code, else by the status."""
    try:
        error = json_object(answer.body).get("error")
    except Park:
        error = None
    fields = error if isinstance(error, dict) else {}
    code, subcode = fields.get("code"), fields.get("error_subcode")
    numbers = f"HTTP {answer.status}, code {code if isinstance(code, int) else '-'}"
    if code == 100 and subcode == 33:
        return Retry(NOT_YET, f"Meta does not show it yet, or not to this token ({numbers})")
    reason, words = RETRIES.get(code, ("", "")) if isinstance(code, int) else ("", "")
    if not reason and answer.status == 429:
        reason, words = LIMITED, "Graph's rate limit is reached"
    elif not reason and (answer.status < 400 or answer.status >= 500 or fields.get("is_transient") is True):
        reason, words = DOWN, "Graph has a fault"
    elif not reason and answer.status == 401:
        reason, words = TOKEN, "the page token is not accepted"
    if not reason:
        return Park("platform_refused", f"Meta refuses to give it ({numbers})")
    wait = answer.headers.get("retry-after", "")
    known = reason == LIMITED and wait.isascii() and wait.isdigit() and len(wait) < 6
    return Retry(reason, f"{words} ({numbers})", timedelta(seconds=int(wait)) if known else None)

"""What each way of saying no means, and that no word of the platform's gets into an error."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from adapters.sources.bearer_api import get_with_token
from schemas.errors import Park, Retry
from tests.adapters.sources.platform_api import PlatformApi, answer

TOKEN = SecretStr("token-exemplo")
QUOTING = b'{"message": "bad token token-exemplo"}'


def test_the_token_goes_into_the_header_alone() -> None:
    api = PlatformApi(answer(b'{"id": 1}'))
    body = get_with_token(api, "https://api.example.com/x", TOKEN, params={"a": "b"}, headers={"X-Version": "1"})
    assert body == b'{"id": 1}'
    headers = {"Authorization": "Bearer token-exemplo", "X-Version": "1"}
    assert api.asked == [("https://api.example.com/x", {"a": "b"}, headers)]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "token_expired"),
        (403, "permission_missing"),
        (404, "not_yet_readable"),
        (408, "platform_error"),
        (426, "api_version_gone"),
        (429, "rate_limited"),
        (204, "platform_error"),
        (302, "platform_error"),
        (500, "platform_error"),
        (503, "platform_error"),
    ],
)
def test_a_failure_that_may_pass_is_tried_again(status: int, reason: str) -> None:
    api = PlatformApi(answer(QUOTING, status, {"retry-after": "120"}))
    with pytest.raises(Retry) as raised:
        get_with_token(api, "https://api.example.com/x", TOKEN)
    assert raised.value.reason == reason
    assert raised.value.after == (timedelta(seconds=120) if reason == "rate_limited" else None)
    assert "token-exemplo" not in str(raised.value)


@pytest.mark.parametrize("wait", ["", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 40, "²"])
def test_an_odd_retry_after_is_no_wait(wait: str) -> None:
    with pytest.raises(Retry) as raised:
        get_with_token(PlatformApi(answer(b"", 429, {"retry-after": wait})), "https://api.example.com/x", TOKEN)
    assert raised.value.after is None


@pytest.mark.parametrize("status", [400, 410, 422])
def test_a_refusal_is_parked(status: int) -> None:
    with pytest.raises(Park) as raised:
        get_with_token(PlatformApi(answer(QUOTING, status)), "https://api.example.com/x", TOKEN)
    assert raised.value.reason == "platform_refused"
    assert "token-exemplo" not in str(raised.value)

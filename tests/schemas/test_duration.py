"""Durations as the configuration writes them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.duration import Duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 minutes", Duration("calendar", timedelta(minutes=30))),
        (" 2H ", Duration("calendar", timedelta(hours=2))),
        ("1 week", Duration("calendar", timedelta(days=7))),
        ("3 business days", Duration("business_days", days=3)),
        ("1 Business Day", Duration("business_days", days=1)),
        ("15 business minutes", Duration("business_time", timedelta(minutes=15))),
        ("2000 business h", Duration("business_time", timedelta(hours=2000))),
    ],
)
def test_read(text: str, expected: Duration) -> None:
    assert Duration.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3 dias", "write for example"),
        ("", "write for example"),
        ("-1 day", "write for example"),
        ("1.5 hours", "write for example"),
        ("٣ days", "write for example"),
        ("30 business seconds", "minutes, hours or days"),
        ("1 business week", "minutes, hours or days"),
        ("2001 business hours", "at most `2000 business hours`"),
        ("999999 weeks", "too long"),
        ("99999 business days", "too long"),
    ],
)
def test_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Duration.parse(text)

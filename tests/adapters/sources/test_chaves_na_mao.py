"""Chaves na Mão beyond its fixtures."""

from __future__ import annotations

import base64

import pytest

from schemas.errors import Reject
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "chaves_na_mao"


@pytest.mark.parametrize("user", ["imobiliaria@example.com.br", ""])
def test_only_the_token_counts(user: str) -> None:
    door = entrance(SLUG)
    credentials = base64.b64encode(f"{user}:token-exemplo".encode()).decode()
    assert door.source.verify(post("{}", {"Authorization": f"Basic {credentials}"}), door) == 0


def test_the_token_of_any_of_the_houses_advertisers_verifies() -> None:
    door = entrance(SLUG, secrets=("token-da-matriz", "token-da-filial"))
    credentials = base64.b64encode(b"filial@example.com.br:token-da-filial").decode()
    assert door.source.verify(post("{}", {"Authorization": f"Basic {credentials}"}), door) == 1
    with pytest.raises(Reject) as refused:
        door.source.verify(post("{}", {"Authorization": "Bearer token-da-filial"}), door)
    assert refused.value.status == 401


def test_the_portals_time_is_the_channels_and_the_time_of_sending_is_not_the_leads() -> None:
    lead = read_one(SLUG, {"createdAt": "2026-09-21 11:50:00", "sendAt": "2026-09-21 15:50:04"}).lead
    assert lead.submitted_at is not None
    assert lead.submitted_at.isoformat() == "2026-09-21T11:50:00-03:00"
    assert lead.flags == ["timezone_assumed", "listing_missing"]


@pytest.mark.parametrize(("segment", "kept"), [("REALTY", {}), (None, {}), ("LAND", {"segment": "LAND"})])
def test_a_segment_that_is_new_costs_no_lead(segment: str | None, kept: dict[str, str]) -> None:
    assert read_one(SLUG, {"id": "1", "segment": segment}).lead.extra == kept

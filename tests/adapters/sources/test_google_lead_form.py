"""Google lead form beyond its fixtures."""

from __future__ import annotations

import json

import pytest

from schemas.errors import Reject
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "google_lead_form"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("{}", 401, "missing_secret"),
        ('{"google_key": null}', 401, "missing_secret"),
        ('{"google_key": ["chave-google-exemplo"]}', 401, "missing_secret"),
        ('{"google_key": "chave"}', 401, "wrong_secret"),
        ('{"x": {"google_key": "chave-google-exemplo"}}', 401, "missing_secret"),
        ("[]", 400, "not_an_object"),
        ("", 400, "empty_body"),
        ('{"google_key": "chave-google-exemplo"', 400, "not_json"),
    ],
)
def test_a_4xx_only_for_the_key(body: str, status: int, reason: str) -> None:
    door = entrance(SLUG)
    with pytest.raises(Reject) as refused:
        door.source.verify(post(body), door)
    assert (refused.value.status, refused.value.reason) == (status, reason)


def test_replies_in_googles_shape() -> None:
    source = entrance(SLUG).source
    assert source.accepted("x").body == b"{}"
    refused = source.refused(401, "wrong_secret", "the secret is wrong")
    assert json.loads(refused.body) == {"message": "the secret is wrong"}
    assert refused.content_type == "application/json"


def test_the_key_is_no_part_of_the_lead() -> None:
    for name in ("google_key", "Google_key", "GOOGLE_KEY"):
        read = read_one(SLUG, {name: "***", "lead_id": "1", "novo": "x"})
        assert read.lead.extra == {"novo": "x"}


def test_a_field_that_repeats_keeps_the_first_and_the_others_as_answers() -> None:
    columns = [{"column_id": "CITY", "string_value": city} for city in ("Contagem", "Betim")]
    lead = read_one(SLUG, {"user_column_data": columns}).lead
    assert lead.city == "Contagem"
    assert lead.answers == {"CITY": "Betim"}

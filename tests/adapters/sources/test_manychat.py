"""ManyChat beyond its fixtures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.sources.entrances import entrance, read_one

SLUG = "manychat"
BODY = {"id": "1", "name": "Olga Exemplo", "phone": "31999990134"}


def test_the_flow_gets_an_empty_dynamic_block() -> None:
    assert json.loads(entrance(SLUG).source.accepted("x").body) == {"version": "v2", "content": {}}


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"last_interaction": "2026-09-22T01:00:00+00:00"}, "1::2026-09-21"),
        ({"ig_last_interaction": "2026-09-22T12:00:00+00:00", "flow": "visita"}, "1:visita:2026-09-22"),
        ({"last_interaction": None, "flow": "visita"}, None),
        ({"id": None, "last_interaction": "2026-09-22T01:00:00+00:00"}, None),
    ],
)
def test_a_person_counts_once_a_day_and_flow(fields: dict[str, Any], key: str | None) -> None:
    assert read_one(SLUG, {**BODY, **fields}).key == key


def test_the_mapping_of_the_channel_goes_first() -> None:
    lead = read_one(SLUG, {**BODY, "quem": "Olga E."}, mapping={"name": "quem"}).lead
    assert lead.name == "Olga E."


def test_custom_fields_are_read_by_their_names() -> None:
    lead = read_one(SLUG, {**BODY, "custom_fields": {"cidade": "Contagem", "renda": 8000, "utm_source": "meta"}}).lead
    assert (lead.city, lead.answers, lead.utm) == ("Contagem", {"renda": 8000}, {"source": "meta"})

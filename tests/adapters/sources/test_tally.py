"""Tally beyond its fixtures."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import Reject
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "tally"


def test_unsigned_it_takes_the_houses_own_secret_and_signed_the_signature_alone() -> None:
    door = entrance(SLUG)
    assert door.source.verify(post("{}", query="key=segredo-tally-exemplo"), door) == 0
    with pytest.raises(Reject, match="does not match"):
        door.source.verify(post("{}", {"Tally-Signature": "AAAA"}, "key=segredo-tally-exemplo"), door)


def test_a_mapping_goes_by_the_fields_key() -> None:
    fields = [{"key": "question_1", "label": "Como podemos te chamar?", "type": "INPUT_TEXT", "value": "Lia Exemplo"}]
    assert read_one(SLUG, {"data": {"fields": fields}}, mapping={"name": "question_1"}).lead.name == "Lia Exemplo"


def test_a_box_to_tick_that_belongs_to_no_list_is_an_answer() -> None:
    def box(key: str, value: Any) -> dict[str, Any]:
        return {"key": key, "label": key, "type": "CHECKBOXES", "value": value}

    lead = read_one(SLUG, {"data": {"fields": [box("q_1", ["a"]), box("q_1_a", True), box("q_10", True)]}}).lead
    assert lead.answers == {"q_1": "a", "q_10": True}

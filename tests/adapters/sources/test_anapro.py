"""Anapro's dialect beyond its fixtures."""

from __future__ import annotations

import pytest

from schemas.errors import Reject
from schemas.source import ReadLead
from tests.adapters.sources.entrances import entrance, post, read_one
from web.intake.masking import Masker

SLUG = "anapro"


@pytest.mark.parametrize("name", ["Key", "key", "KeyIntegradora", "KEYAGENCIA"])
def test_any_of_the_bodys_keys_verifies_and_none_is_stored(name: str) -> None:
    door = entrance(SLUG, secrets=("CURTA",))
    bodies = (f'{{"{name}": "CURTA", "PessoaNome": "Ana"}}', f"{name}=CURTA&PessoaNome=Ana")
    for body, content_type in zip(bodies, ("application/json", "application/x-www-form-urlencoded"), strict=True):
        assert door.source.verify(post(body), door) == 0
        stored = Masker(door).body(body.encode(), content_type)
        assert b"CURTA" not in stored
        (read,) = door.source.read(post(stored), door)
        assert isinstance(read, ReadLead)
        assert read.lead.extra == {}


def test_a_body_that_nobody_can_read_is_refused_with_401() -> None:
    door = entrance(SLUG)
    for body in ("", "[1]", "garbage", "&".join(f"a{i}=1" for i in range(3000))):
        with pytest.raises(Reject) as refused:
            door.source.verify(post(body), door)
        assert refused.value.status == 401


def test_a_name_in_two_parts() -> None:
    assert read_one(SLUG, {"PessoaNome": "Ana", "PessoaSobrenome": "Exemplo"}).lead.name == "Ana Exemplo"

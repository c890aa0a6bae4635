"""Typeform beyond its fixtures."""

from __future__ import annotations

import hmac

import pytest

from schemas.errors import Reject
from tests.adapters.sources.entrances import entrance, post, read_one, sample

SLUG = "typeform"


def test_unsigned_it_takes_the_houses_own_secret() -> None:
    door = entrance(SLUG)
    assert door.source.verify(post("{}", query="key=segredo-typeform-exemplo"), door) == 0
    assert door.source.verify(post("{}", {"X-Lead-Key": "segredo-typeform-exemplo"}), door) == 0


def test_a_wrong_signature_is_not_made_good_by_the_right_secret() -> None:
    door = entrance(SLUG)
    with pytest.raises(Reject, match="does not match"):
        door.source.verify(post("{}", {"Typeform-Signature": "sha256=AAAA"}, "key=segredo-typeform-exemplo"), door)


def test_the_prefix_does_not_make_it_hexadecimal() -> None:
    door = entrance(SLUG)
    request, _ = sample(SLUG)
    as_hex = hmac.digest(b"segredo-typeform-exemplo", request.body, "sha256").hex()
    with pytest.raises(Reject, match="does not match"):
        door.source.verify(post(request.body, {"Typeform-Signature": f"sha256={as_hex}"}), door)


def test_a_mapping_goes_by_the_questions_ref_or_its_title() -> None:
    answers = [
        {"type": "text", "text": "Torre B", "field": {"ref": "r-1"}},
        {"type": "text", "text": "Ana Exemplo", "field": {"id": "x"}},
    ]
    definition = {"fields": [{"id": "x", "title": "Como te chamamos?"}]}
    body = {"form_response": {"token": "t", "answers": answers, "definition": definition}}
    lead = read_one(SLUG, body, mapping={"development": "r-1", "name": "Como te chamamos?"}).lead
    assert (lead.development, lead.name, lead.answers) == ("Torre B", "Ana Exemplo", {})

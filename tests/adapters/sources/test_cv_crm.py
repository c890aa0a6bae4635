"""CV CRM's dialect beyond its fixtures."""

from __future__ import annotations

import json

import pytest

from tests.adapters.sources.entrances import entrance, post

SLUG = "cv_crm"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"token": "TOKEN-EXEMPLO", "email": "qualquer@example.com"}, ""),
        ({"Authorization": "Bearer TOKEN-EXEMPLO"}, ""),
        ({"token": "de-outro-crm"}, "key=TOKEN-EXEMPLO"),
    ],
)
def test_the_token_or_the_houses_own_secret(headers: dict[str, str], query: str) -> None:
    door = entrance(SLUG)
    assert door.source.verify(post("{}", headers, query), door) == 0


def test_it_answers_in_cv_crms_way() -> None:
    source = entrance(SLUG).source
    assert json.loads(source.accepted("d-1").body) == {"sucesso": True, "id": "d-1"}
    assert json.loads(source.refused(401, "wrong_secret", "wrong").body) == {"sucesso": False, "mensagem": "wrong"}

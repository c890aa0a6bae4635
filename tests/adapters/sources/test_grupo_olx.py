"""Grupo OLX beyond its fixtures."""

from __future__ import annotations

import base64

import pytest

from schemas.errors import Reject
from schemas.lead import SentPhone
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "grupo_olx"


@pytest.mark.parametrize("user", ["vivareal", "", "qualquer"])
def test_only_the_password_counts(user: str) -> None:
    door = entrance(SLUG)
    credentials = base64.b64encode(f"{user}:CHAVE-EXEMPLO".encode()).decode()
    assert door.source.verify(post("{}", {"Authorization": f"basic {credentials}"}), door) == 0


def test_a_password_may_hold_a_colon() -> None:
    door = entrance(SLUG, secrets=("a:b",))
    credentials = base64.b64encode(b"vivareal:a:b").decode()
    assert door.source.verify(post("{}", {"Authorization": f"Basic {credentials}"}), door) == 0


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Basic /w==", "Bearer CHAVE-EXEMPLO", "CHAVE-EXEMPLO"])
def test_broken_credentials_are_refused_with_401(header: str) -> None:
    door = entrance(SLUG)
    with pytest.raises(Reject) as refused:
        door.source.verify(post("{}", {"Authorization": header}), door)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("fields", "phones"),
    [
        ({"ddd": "31", "phone": "999990109"}, [SentPhone(value="999990109", ddd="31")]),
        ({"phoneNumber": "31999990109"}, [SentPhone(value="31999990109")]),
        ({"ddd": "31", "phone": "", "phoneNumber": "31999990109"}, [SentPhone(value="31999990109")]),
        ({"ddd": "31", "phone": "31999990109", "phoneNumber": "31999990109"},
         [SentPhone(value="31999990109", ddd="31")]),
        ({"ddd": "31"}, []),
    ],
)  # fmt: skip
def test_phones(fields: dict[str, str], phones: list[SentPhone]) -> None:
    assert read_one(SLUG, fields).lead.phones == phones


@pytest.mark.parametrize(
    "body", [{"leadOrigin": "MCMV_OLX"}, {"originLeadId": "mcmv-1"}, {"extraData": {"mcmv": {"downPayment": 1}}}]
)
def test_an_mcmv_lead_misses_no_listing(body: dict[str, object]) -> None:
    assert read_one(SLUG, body).lead.flags == []


def test_the_sample_id_alone_makes_no_test() -> None:
    body = {"originLeadId": "59ee0fc6e4b043e1b2a6d863", "email": "ana@example.com", "clientListingId": "AP-0101"}
    assert not read_one(SLUG, body).test

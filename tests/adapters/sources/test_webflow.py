"""Webflow beyond its fixtures."""

from __future__ import annotations

import pytest

from schemas.errors import Reject
from schemas.lead import SentPhone
from tests.adapters.sources.entrances import FIXTURES, entrance, fixture, post, read_one

SLUG = "webflow"
KEY = "segredo-webflow-exemplo"


@pytest.mark.parametrize(
    ("headers", "query"),
    [({}, f"key={KEY}"), ({"X-Lead-Key": KEY}, ""), ({"x-webflow-signature": "00"}, f"key={KEY}")],
)
def test_the_houses_own_secret_will_do(headers: dict[str, str], query: str) -> None:
    door = entrance(SLUG)
    assert door.source.verify(post("{}", headers, query), door) == 0


def test_a_right_signature_will_do_beside_a_wrong_key() -> None:
    door, signed = fixture(FIXTURES / SLUG / "plain.request")
    request = post(signed.body, {**signed.headers, "X-Lead-Key": "outra"})
    assert door.source.verify(request, door) == 0


@pytest.mark.parametrize("time", [None, "", "1790000600001", "agora"])
def test_the_signature_binds_the_time(time: str | None) -> None:
    door, signed = fixture(FIXTURES / SLUG / "plain.request")
    headers = {name: value for name, value in signed.headers.items() if name != "x-webflow-timestamp"}
    headers |= {} if time is None else {"x-webflow-timestamp": time}
    with pytest.raises(Reject) as refused:
        door.source.verify(post(signed.body, headers), door)
    assert (refused.value.status, refused.value.reason) == (401, "wrong_signature")


def test_values_that_are_no_text() -> None:
    data = {"Telefone": 15550000000, "Aceito os termos": True, "Nota": 0}
    lead = read_one(SLUG, {"payload": {"data": data}}).lead
    assert lead.phones == [SentPhone(value="15550000000")]
    assert lead.consent == [{"key": "Aceito os termos", "granted": True, "value": True}]
    assert lead.answers == {"Nota": 0}


def test_a_field_called_id_is_not_the_submissions_id() -> None:
    read = read_one(SLUG, {"payload": {"id": "66f0", "data": {"id": "AP-1", "E-mail": "ana@example.com"}}})
    assert read.key == "66f0"
    assert read.lead.answers == {"id": "AP-1"}


def test_the_mapping_starts_at_the_body_that_webflow_calls_payload() -> None:
    body = {"payload": {"name": "Contato", "data": {"Com quem falamos?": "Ana"}}}
    lead = read_one(SLUG, body, mapping={"name": "data.Com quem falamos?"}).lead
    assert lead.name == "Ana"
    assert lead.ad == {"form_name": "Contato"}

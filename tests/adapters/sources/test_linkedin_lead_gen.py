"""LinkedIn Lead Gen Forms beyond its fixtures: the challenge, what is fetched, answers without their questions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from adapters.sources.linkedin_lead_gen import ASKED, LinkedInOptions
from schemas.errors import Reject, Retry
from schemas.source import ReadLead
from tests.adapters.sources.entrances import entrance, get
from tests.adapters.sources.platform_api import PlatformApi, answer

SLUG = "linkedin_lead_gen"
CODE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
FORM = "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:7001,1)"


def test_the_challenge_is_answered_with_its_hmac() -> None:
    door = entrance(SLUG)
    reply = door.source.handshake(get(f"challengeCode={CODE}&applicationId=77"), door)
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert json.loads(reply.body) == {
        "challengeCode": CODE,
        "challengeResponse": "007c97567b20d131243b396cfba796cca173d10ef46757deb6b93857e3ffa77b",
    }


def test_the_challenge_signs_nothing_that_could_be_a_notification() -> None:
    door = entrance(SLUG)
    for code in ("", "hmacsha256=%7B%22type%22%3A%22LEAD_ACTION%22%7D", "{}", CODE + "x", "%FF" * 33):
        with pytest.raises(Reject):
            door.source.handshake(get(f"challengeCode={code}"), door)


def test_without_a_secret_there_is_no_answer_to_a_challenge() -> None:
    for held in ((), ("",)):
        door = entrance(SLUG, secrets=held)
        with pytest.raises(Reject):
            door.source.handshake(get(f"challengeCode={CODE}"), door)


def test_fetch_asks_for_the_lead_with_its_form() -> None:
    door = entrance(SLUG, options={"api_url": "http://127.0.0.1:9/rest/", "api_version": "202609"})
    api = PlatformApi(answer(b'{"id": "a", "form": {}}'))
    assert door.source.fetch({"lead": "a=b-2"}, door, api) == b'{"id": "a", "form": {}}'
    ((url, _, headers),) = api.asked
    assert url == f"http://127.0.0.1:9/rest/leadFormResponses/a%3Db-2?fields={ASKED}"
    assert headers == {
        "Authorization": "Bearer token-do-linkedin-exemplo",
        "LinkedIn-Version": "202609",
        "X-Restli-Protocol-Version": "2.0.0",
    }


def test_a_form_that_did_not_come_along_is_asked_for() -> None:
    door = entrance(SLUG)
    answers = [{"questionId": 3, "answerDetails": {"textQuestionAnswer": {"answer": "ana@example.com"}}}]
    lead = {"versionedLeadGenFormUrn": FORM, "formResponse": {"answers": answers}}
    form = {"id": 7001, "content": {"questions": [{"questionId": 3, "predefinedField": "EMAIL"}]}}
    api = PlatformApi(answer(json.dumps(lead).encode()), answer(json.dumps(form).encode()))
    fetched = door.source.fetch({"lead": "1-2"}, door, api)
    assert [url.rpartition("/rest/")[2] for url, _, _ in api.asked][1] == "leadForms/7001"
    read = door.source.read_fetched({"lead": "1-2"}, fetched, door)
    assert isinstance(read, ReadLead)
    assert read.lead.emails == ["ana@example.com"]


def test_a_form_that_cannot_be_had_yet_is_waited_for() -> None:
    door = entrance(SLUG)
    api = PlatformApi(answer(b"{}"), answer(b"", 429, {"retry-after": "7"}))
    with pytest.raises(Retry, match="rate limit"):
        door.source.fetch({"lead": "1-2", "form": FORM}, door, api)


def test_a_lead_without_any_form_is_kept_as_it_is() -> None:
    door = entrance(SLUG)
    assert door.source.fetch({"lead": "1-2"}, door, PlatformApi(answer(b"{}"))) == b"{}"
    assert door.source.fetch({"lead": "1-2"}, door, PlatformApi(answer(b"<html>"))) == b"<html>"


def test_options_are_checked_and_hide_their_secret() -> None:
    options = LinkedInOptions.model_validate({"access_token": "t-segredo"})
    assert "segredo" not in repr(replace(entrance(SLUG), options=options))
    for wrong in ({"access_token": ""}, {"api_version": "1.0"}, {"api_url": "api.linkedin.com"}, {"novo": 1}):
        with pytest.raises(ValidationError):
            LinkedInOptions.model_validate({"access_token": "t", **wrong})

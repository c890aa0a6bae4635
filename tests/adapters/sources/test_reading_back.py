"""Sources whose platform gives leads back: what is asked, page by page, what comes of it, and what a refusal means."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sources.meta_lead_ads import ASKED
from adapters.sources.registry import sources
from schemas.errors import Park, Retry
from schemas.source import Entrance, HttpAnswer, NotALead, ReadLead, RecentPage
from tests.adapters.sources.entrances import entrance, sample
from tests.adapters.sources.platform_api import PlatformApi, answer

SINCE = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Reading:
    """A source's channel that reads back, two pages of its platform's API with two leads and one, and their keys."""

    slug: str
    options: dict[str, Any]
    answers: list[Any]
    keys: list[str]
    unset: dict[str, Any] = field(default_factory=dict)

    def door(self) -> Entrance:
        return entrance(self.slug, options=self.options)


def graph_lead(number: int, at: str = "2026-09-21T14:15:20+0000", name: str = "Rita Exemplo") -> dict[str, Any]:
    data = [{"name": "full_name", "values": [name]}, {"name": "phone_number", "values": ["+5531999990150"]}]
    return {"id": str(number), "created_time": at, "form_id": "7", "field_data": data}


def paging(after: str) -> dict[str, Any]:
    return {"cursors": {"after": after}, "next": "https://graph.facebook.com/…"}


def linkedin_lead(number: int) -> dict[str, Any]:
    _, answers = sample("linkedin_lead_gen", number)
    read: dict[str, Any] = json.loads(next(iter(answers.values())))
    return read


def typeform_item(token: str) -> dict[str, Any]:
    answers = [
        {"type": "text", "text": "Rita Exemplo", "field": {"id": "f1", "ref": "r1"}},
        {"type": "phone_number", "phone_number": "+5531999990150", "field": {"id": "f2", "ref": "r2"}},
        {"type": "choice", "choice": {"label": "2 quartos"}, "field": {"id": "f3", "ref": "r3"}},
    ]
    return {"token": token, "submitted_at": "2026-09-21T14:11:30Z", "hidden": {"utm_source": "google"},
            "answers": answers}  # fmt: skip


FORM = {"title": "Interesse", "fields": [{"id": "f1", "title": "Qual é o seu nome?"}, {"id": "f3", "title": "Quartos"}]}


def contact(number: int, **properties: str) -> dict[str, Any]:
    told = {"firstname": "Rita", "lastname": "Exemplo", "phone": "+5531999990150", "createdate": "2026-09-21T14:20:00Z"}
    return {"id": str(number), "properties": {**told, **properties}}


READINGS = [
    Reading(
        "meta_lead_ads",
        {"forms": [7, 8]},
        [{"data": [graph_lead(2), graph_lead(1)], "paging": paging("QVFI")}, {"data": [], "paging": {}},
         {"data": [graph_lead(3)]}],
        ["2", "1", "3"],
        unset={"forms": []},
    ),
    Reading(
        "linkedin_lead_gen",
        {"owner": "urn:li:sponsoredAccount:500000001"},
        [{"elements": [linkedin_lead(n) for n in range(50)]}, {"elements": [linkedin_lead(50)]}],
        [f"00000000-aaaa-bbbb-cccc-{n:012d}-2" for n in range(51)],
        unset={"owner": None},
    ),
    Reading(
        "typeform",
        {"access_token": "tfp_exemplo", "forms": ["AbCdEf12", "Outro"]},
        [{"items": [typeform_item("t1"), typeform_item("t2")]}, FORM, {"items": []}],
        ["t1", "t2"],
        unset={"forms": []},
    ),
    Reading(
        "hubspot",
        {"read_back": ["creation", "conversion"]},
        [{"results": [contact(1), contact(2, createdate="2024-01-01T00:00:00Z", num_conversion_events="3",
                                          recent_conversion_date="2026-09-21T15:00:00Z")],
          "paging": {"next": {"after": "100"}}},
         {"results": [contact(3, recent_conversion_date="2026-09-21T14:20:01Z", num_conversion_events="1")]}],
        ["1", "2:1790002800000", "3"],
        unset={"read_back": []},
    ),
]  # fmt: skip
EACH = pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.slug)

fuzz = settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def api(*answers: Any) -> PlatformApi:
    return PlatformApi(*(one if isinstance(one, HttpAnswer) else answer(json.dumps(one).encode()) for one in answers))


def pages(door: Entrance, http: PlatformApi) -> list[RecentPage]:
    found, place = [], None
    while True:
        page = door.source.recent(door, http, SINCE, place)
        found.append(page)
        place = page.next
        if place is None:
            return found


def test_each_source_that_reads_back_is_here() -> None:
    assert [reading.slug for reading in READINGS] == [
        "meta_lead_ads", "linkedin_lead_gen", "typeform", "hubspot",
    ]  # fmt: skip
    assert {slug for slug, source in sources().items() if source.reads_back} == {one.slug for one in READINGS}


@EACH
def test_every_page_gives_leads_under_the_keys_of_the_webhook(reading: Reading) -> None:
    door = reading.door()
    found = [lead for page in pages(door, api(*reading.answers)) for lead in page.leads]
    assert [lead.key for lead in found] == reading.keys
    for lead in found:
        read = door.source.read_recent(lead.answer, door)
        assert isinstance(read, ReadLead)
        assert read.key == lead.key
        assert read.lead.name == "Rita Exemplo"
        assert [phone.value for phone in read.lead.phones] == ["+5531999990150"]
        assert lead.submitted_at is not None
        assert lead.submitted_at == read.lead.submitted_at


@EACH
def test_a_channel_that_does_not_say_what_to_ask_for_is_not_asked(reading: Reading) -> None:
    door = entrance(reading.slug, options=reading.unset)
    with pytest.raises(Park) as parked:
        door.source.recent(door, api(), SINCE, None)
    assert parked.value.reason == "not_configured"


@EACH
@pytest.mark.parametrize(
    ("status", "reason"), [(401, "token_expired"), (429, "rate_limited"), (503, "platform_error"), (400, None)]
)
def test_a_refusal_is_for_later_or_for_a_person_and_quotes_nothing(
    reading: Reading, status: int, reason: str | None
) -> None:
    door = reading.door()
    for ask in (lambda http: door.source.recent(door, http, SINCE, None), lambda http: door.source.check(door, http)):
        with pytest.raises(Retry if reason else Park) as raised:
            ask(api(answer(b'{"message": "token-do-app-exemplo"}', status, {"retry-after": "7"})))
        assert raised.value.reason == (reason or "platform_refused")
        assert "exemplo" not in str(raised.value)
        if isinstance(raised.value, Retry):
            assert raised.value.after == (timedelta(seconds=7) if reason == "rate_limited" else None)


@EACH
@fuzz
@given(data=st.data())
def test_any_answer_is_read_or_parked(reading: Reading, data: st.DataObject) -> None:
    door = reading.door()
    scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("\ud800")
    names = st.sampled_from(["data", "items", "elements", "results", "paging", "id", "token", "properties", "next"])
    anything = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
    )
    with suppress(Park):
        page = door.source.recent(door, api(data.draw(anything)), SINCE, None)
        for lead in page.leads:
            assert lead.key
            with suppress(Park):
                assert isinstance(door.source.read_recent(lead.answer, door), ReadLead | NotALead)
    with suppress(Park):
        door.source.read_recent(json.dumps(data.draw(anything)).encode(), door)
    with suppress(Park):
        door.source.check(door, api(data.draw(anything)))


def test_meta_asks_each_form_for_what_is_new_and_drops_what_is_not() -> None:
    door = entrance("meta_lead_ads", options={"page_id": "104", "appsecret_proof": True})
    old = graph_lead(9, "2026-09-20T00:00:00+0000")
    forms = {"data": [{"id": "7"}, {"id": 8}, {}], "paging": {}}
    http = api(forms, {"data": [graph_lead(1), old], "paging": paging("QVFI")}, {"data": []})
    first = door.source.recent(door, http, SINCE, None)
    assert [lead.key for lead in first.leads] == ["1"]
    assert json.loads(first.next or "") == [["7", "8"], "QVFI"]
    second = door.source.recent(door, http, SINCE, first.next)
    assert json.loads(second.next or "") == [["8"], None]
    assert door.source.recent(door, http, SINCE, second.next).next is None
    paths = [url.partition("v25.0/")[2] for url, _, _ in http.asked]
    assert paths == ["104/leadgen_forms", "7/leads", "7/leads", "8/leads"]
    params = http.asked[2][1]
    assert (params["fields"], params["after"], params["limit"]) == (ASKED, "QVFI", "100")
    (newer,) = json.loads(params["filtering"])
    assert newer == {"field": "time_created", "operator": "GREATER_THAN", "value": int(SINCE.timestamp()) - 1}
    assert all(len(said["appsecret_proof"]) == 64 for _, said, _ in http.asked)


@pytest.mark.parametrize(
    ("token", "apps", "expected"),
    [
        ({"is_valid": True, "scopes": ["leads_retrieval"], "expires_at": 0, "data_access_expires_at": 1790000400},
         [{"subscribed_fields": ["feed", "leadgen"]}],
         [("token", True, 1790000400), ("permissions", True, None), ("subscription", True, None)]),
        ({"is_valid": False, "scopes": ["pages_show_list"], "expires_at": 1790000000},
         [{"subscribed_fields": ["feed"]}],
         [("token", False, 1790000000), ("permissions", False, None), ("subscription", False, None)]),
        ({}, None, [("token", False, None), ("permissions", False, None), ("subscription", False, None)]),
    ],
)  # fmt: skip
def test_meta_says_of_the_channel(token: dict[str, Any], apps: Any, expected: list[tuple[str, bool, int]]) -> None:
    door = entrance("meta_lead_ads", options={"page_id": "104"})
    checked = door.source.check(door, api({"data": token}, {"data": apps}))
    assert [(one.name, one.ok, one.until and int(one.until.timestamp())) for one in checked] == expected


def test_linkedin_is_asked_in_its_own_way_of_writing_addresses() -> None:
    door = entrance("linkedin_lead_gen", options={"owner": "urn:li:organization:77"})
    http = api({"elements": []})
    assert [page.next for page in pages(door, http)][-1] is None
    url, _, headers = http.asked[0]
    begin = int(SINCE.timestamp() * 1000)
    for part in ("?q=owner&owner=(organization:urn%3Ali%3Aorganization%3A77)&", "&leadType=(leadType:COMPANY)&",
                 f"&submittedAtTimeRange=(start:{begin},end:", "&count=50&start=0"):  # fmt: skip
        assert part in url
    assert headers["X-Restli-Protocol-Version"] == "2.0.0"
    assert [url.partition("leadType:")[2].partition(")")[0] for url, _, _ in http.asked] == [
        "COMPANY", "EVENT", "ORGANIZATION_PRODUCT",
    ]  # fmt: skip


def test_typeform_goes_on_before_the_last_response_and_names_the_questions() -> None:
    door = entrance("typeform", options={"access_token": "tfp_exemplo", "forms": ["AbCdEf12"]})
    full = {"items": [typeform_item(f"t{n}") for n in range(200)]}
    http = api(full, FORM, {"items": []})
    first, second = pages(door, http)
    assert second.leads == []
    assert http.asked[0][1] == {"page_size": "200", "since": "2026-09-21T12:00:00Z"}
    assert http.asked[2][1]["before"] == "t199"
    read = door.source.read_recent(first.leads[0].answer, door)
    assert isinstance(read, ReadLead)
    assert read.lead.answers == {"Quartos": "2 quartos"}
    assert read.lead.utm == {"source": "google"}
    hooks = {"items": [{"enabled": False}]}
    assert [(one.name, one.ok) for one in door.source.check(door, api({}, hooks))] == [
        ("token", True), ("webhook", False),
    ]  # fmt: skip


def test_hubspot_searches_for_the_events_that_the_app_hears_of() -> None:
    door = entrance("hubspot", options={"read_back": ["creation"], "properties": ["quartos"]})
    http = api({"results": [contact(1, recent_conversion_date="2026-09-21T15:00:00Z", num_conversion_events="2")]})
    (page,) = pages(door, http)
    assert [lead.key for lead in page.leads] == ["1"]
    ((url, asked, headers),) = http.asked
    assert url == "https://api.hubapi.com/crm/v3/objects/contacts/search"
    assert headers == {"Authorization": "Bearer token-do-app-exemplo"}
    begin = str(int(SINCE.timestamp() * 1000))
    assert asked["filterGroups"] == [
        {"filters": [{"propertyName": "createdate", "operator": "GTE", "value": begin}]},
    ]  # fmt: skip
    assert "quartos" in asked["properties"]

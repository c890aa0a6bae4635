"""Links of notices: a look changes nothing, one press accepts or claims, and a link is dead after that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
import requests

from opv import history
from opv.access import Viewer
from opv.actions import transfer
from opv.by_people import act
from opv.links import Link, address_of
from tests.opv.test_notices import ACCEPTING, OFFERED, started
from tests.pipeline import Pipeline, Start, start, start_on_sqlite
from tests.stored import Stored
from tests.web.api.conftest import NO_FILES, serve
from web.api.app import create_api

__all__ = ["start", "start_on_sqlite"]


class Site:
    """A served pipeline with one lead, and the links that were sent."""

    def __init__(self, start: Start, configuration: str) -> None:
        self.house, self.post = started(start, configuration)
        self.woken: list[str] = []
        api = create_api(
            self.house.database, self.house.houses.current, self.woken.append, self.house.clock, NO_FILES
        )  # fmt: skip
        self.server = serve(api)
        self.url = next(self.server)

    def link(self, person: str, of: str = history.ASSIGNED) -> str:
        url = self.post.notices(of)[person].url
        assert url is not None
        return url.replace("https://leads.example.com", self.url)


@pytest.fixture
def accepting(start: Start) -> Iterator[Site]:
    site = Site(start, ACCEPTING)
    yield site
    site.server.close()  # type: ignore[attr-defined] # a generator's


@pytest.fixture
def offered(start_on_sqlite: Start) -> Iterator[Site]:
    site = Site(start_on_sqlite, OFFERED)
    yield site
    site.server.close()  # type: ignore[attr-defined] # a generator's


def kinds(house: Pipeline) -> list[str]:
    return house.kinds(house.opvs()[0].id)


def told(answer: requests.Response) -> tuple[int, str]:
    """Status and what the page says, without its marks."""
    body = answer.text.partition("<body>")[2]
    return answer.status_code, " ".join(re.sub("<[^>]*>", " ", body).split())


def test_a_look_changes_nothing_and_a_press_accepts_once(accepting: Site) -> None:
    house, url = accepting.house, accepting.link("ana")
    page = requests.get(url, timeout=10)
    assert told(page) == (200, "OPV 1 · Residencial Jardim Um lead espera pelo seu aceite. Aceitar")
    assert "no-store" in page.headers["Cache-Control"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert (history.ACCEPTED in kinds(house), house.rows("personal_reads")) == (False, [])
    assert told(requests.post(url, timeout=10)) == (200, "Aceito OPV 1 · Residencial Jardim Bruno +5511980000001")
    assert kinds(house)[-1] == history.ACCEPTED
    assert [(row.person, row.what) for row in house.rows("personal_reads")] == [("ana", "link")]
    for call in (requests.get, requests.post):
        status, words = told(call(url, timeout=10))
        assert (status, words) == (409, "Este lead já foi aceito ou está com outra pessoa.")
    assert kinds(house).count(history.ACCEPTED) == 1


def test_a_link_dies_when_the_opv_is_given_away_even_back_to_the_same_person(accepting: Site) -> None:
    house, url = accepting.house, accepting.link("ana")
    director, found = Viewer("rui", "director"), house.house()
    for broker in ("bia", "ana"):
        with house.database.write() as tx:
            act(tx, found, director, house.clock(), "1", partial(transfer, reason="troca", broker=broker))
    Stored(house.database).waits(house.opvs()[0].id)
    awaited = {"state": "accepting", "broker": "ana", "due_at": house.clock() + timedelta(minutes=5)}
    house.set("distribution_work", awaited)
    assert [call(url, timeout=10).status_code for call in (requests.get, requests.post)] == [409, 409]
    assert history.ACCEPTED not in kinds(house)


def test_too_late_expired_and_foreign_links_are_refused_politely(accepting: Site) -> None:
    house, url = accepting.house, accepting.link("ana")
    assert told(requests.post(url + "x", timeout=10)) == (404, "Este link não existe.")
    assert requests.get(url.replace("/accept/", "/claim/"), timeout=10).status_code == 404
    house.clock.forward(minutes=10)
    assert told(requests.post(url, timeout=10)) == (
        409, "O prazo para aceitar terminou: o lead segue para outra pessoa.",
    )  # fmt: skip
    house.clock.forward(hours=24)
    assert told(requests.get(url, timeout=10)) == (410, "Este link venceu.")
    assert history.ACCEPTED not in kinds(house)


def test_a_link_claims_for_the_first(offered: Site) -> None:
    house = offered.house
    links = {person: offered.link(person, history.OFFERED) for person in ("ana", "bia")}
    assert told(requests.get(links["ana"], timeout=10))[1].endswith("Quem pegar primeiro, atende. Pegar")
    assert told(requests.post(links["bia"], timeout=10)) == (
        200,
        "É seu OPV 1 · Residencial Jardim Bruno +5511980000001",
    )
    assert house.opvs()[0].broker == "bia"
    assert told(requests.post(links["ana"], timeout=10)) == (
        409,
        "Outra pessoa foi mais rápida: o lead já foi atendido.",
    )
    assert "outbound" in offered.woken


def test_who_has_left_follows_no_link(accepting: Site) -> None:
    house, url = accepting.house, accepting.link("ana")
    house.apply(ACCEPTING.replace("{key: ana, ", "{key: ana, active: false, "))
    assert requests.post(url, timeout=10).status_code == 404
    assert address_of(house.house(), "accept", Link(house.opvs()[0].id, "ana", "x"), house.clock()) is not None

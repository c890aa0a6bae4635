"""Who serves an OPV, over HTTP: parts, requests and answers, ownerships, portfolios."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import requests

from opv.conversion import portfolio
from opv.house import House, build_house
from schemas.config import Configuration
from tests.opv.test_access import PRESALES
from tests.web.api.conftest import Served

TYPED = {"name": "Maria Teste", "phones": ["(11) 99999-0001"], "message": "é minha cliente"}


@pytest.fixture
def in_force() -> House:
    """Paula leads ana, bia and pia; marta leads caio and pedro; who is served by another is asked for."""
    asking = {**PRESALES, "registration": {"served": "request"}}
    return build_house(1, Configuration.model_validate(asking), {})


def post(served: Served, path: str, body: Any, person: str = "rui") -> requests.Response:
    return served.call(f"/api/v1{path}", person, "POST", json=body)


def anas(served: Served, **columns: Any) -> UUID:
    return served.stored.opv(broker="ana", manager="paula", team="sul", **columns)


def reason(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


PARTS = {
    # who               pre-sales to pia   shared with bia
    "rui": (200, 200),
    "paula": (200, 200),
    "ana": (403, 200),
    "marta": (404, 404),
    "bia": (404, 404),
    "pia": (404, 404),
    "olga": (404, 404),
}
"""On an OPV of ana, whom paula leads."""


def test_who_gives_which_part(served: Served) -> None:
    for person, (presales, shared) in PARTS.items():
        path = f"/opvs/{anas(served)}"
        for part, broker, status in (("presales", "pia", presales), ("second", "bia", shared)):
            body = {"part": part, "broker": broker, "reason": "x"}
            answer = post(served, path + "/assignment", body, person)
            assert answer.status_code == status, (person, part, answer.text)
            if answer.ok:
                (*_, entry) = served.items(f"/api/v1{path}/history")
                assert (entry["kind"], entry["part"], entry["broker"]) == ("opv.assigned", part, broker)
        found = served.call(f"/api/v1{path}").json()
        assert (found["broker"], found["presales_broker"], found["second_broker"]) == (
            "ana", "pia" if presales == 200 else None, "bia" if shared == 200 else None,
        )  # fmt: skip
    path = f"/opvs/{anas(served, second_broker='bia')}/assignment"
    assert post(served, path, {"part": "second", "reason": "x"}, "ana").json()["second_broker"] is None
    assert reason(post(served, path, {"part": "third", "reason": "x"})) == (422, "invalid_parameters")


def test_presales_sees_and_acts_while_the_opv_is_in_their_stage(served: Served) -> None:
    opv = anas(served, presales_broker="pia", presales_manager="paula")
    assert served.call(f"/api/v1/opvs/{opv}", "pia").status_code == 200
    assert post(served, f"/opvs/{opv}/comments", {"text": "liguei"}, "pia").status_code == 201
    assert post(served, f"/opvs/{opv}/stage", {"stage": "sold"}, "pia").status_code == 200
    assert served.call(f"/api/v1/opvs/{opv}", "pia").status_code == 404
    assert served.items("/api/v1/opvs", "pia") == []


ASKING = {"rui": 403, "paula": 201, "ana": 201, "marta": 404, "bia": 404, "pia": 404, "olga": 404}


def test_who_asks_for_a_transfer(served: Served) -> None:
    opv = anas(served)
    for person, status in ASKING.items():
        answer = post(served, f"/opvs/{opv}/transfer-requests", {"broker": "bia", "reason": "plantão"}, person)
        assert answer.status_code == status, (person, answer.text)
    for person in ASKING:
        listed = {item["asked_by"] for item in served.items("/api/v1/transfer-requests", person)}
        assert listed == {"rui": {"ana", "paula"}, "paula": {"ana", "paula"}, "ana": {"ana"}}.get(person, set()), person
    (mine,) = served.items("/api/v1/transfer-requests?state=open", "ana")
    assert (mine["opv"], mine["number"], mine["reason"]) == (str(opv), 1, "plantão")
    assert (mine["state"], mine["kind"], mine["may_grant"], mine["typed"]) == ("open", "transfer", False, None)
    assert served.items("/api/v1/transfer-requests?state=refused") == []
    assert served.call("/api/v1/transfer-requests?state=moon").status_code == 422
    page = served.call("/api/v1/transfer-requests?limit=1").json()
    rest = served.call(f"/api/v1/transfer-requests?limit=1&cursor={page['next']}").json()
    assert [one["asked_by"] for one in (*page["items"], *rest["items"])] == ["ana", "paula"]
    assert rest["next"] is None


ANSWERING = {"rui": 200, "paula": 200, "ana": 403, "marta": 404, "bia": 404, "pia": 404, "olga": 404}


def test_who_answers(served: Served) -> None:
    for person, status in ANSWERING.items():
        opv = anas(served)
        asked = post(served, f"/opvs/{opv}/transfer-requests", {"broker": "bia", "reason": "plantão"}, "ana").json()
        answer = post(served, f"/transfer-requests/{asked['id']}/answer", {"grant": True, "reason": "ok"}, person)
        assert answer.status_code == status, (person, answer.text)
        assert served.call(f"/api/v1/opvs/{opv}").json()["broker"] == ("bia" if status == 200 else "ana")
        if status == 200:
            assert (answer.json()["state"], answer.json()["answered_by"], answer.json()["answer"]) == (
                "granted", person, "ok",
            )  # fmt: skip
            again = post(served, f"/transfer-requests/{asked['id']}/answer", {"grant": False})
            assert reason(again) == (409, "already_answered")
    assert reason(post(served, "/transfer-requests/1/answer", {"grant": True})) == (404, "unknown_request")
    assert post(served, "/transfer-requests/1/answer", {"grant": "maybe"}).status_code == 422


def test_a_request_for_nobody_wakes_distribution(served: Served) -> None:
    asked = post(served, f"/opvs/{anas(served)}/transfer-requests", {"reason": "plantão"}, "ana").json()
    assert served.woken == []
    assert post(served, f"/transfer-requests/{asked['id']}/answer", {"grant": True}).status_code == 200
    assert served.woken == ["distribution"]


def test_who_registers_anothers_client_asks_for_it_and_sees_nothing_of_it(served: Served) -> None:
    opv = post(served, "/opvs", TYPED, "ana").json()
    assert opv["broker"] == "ana"
    answer = post(served, "/opvs", TYPED, "caio")
    assert answer.status_code == 202
    asked = answer.json()
    assert asked == {
        "id": asked["id"], "kind": "ownership", "state": "open", "opv": None, "number": None, "asked_by": "caio",
        "broker": "caio", "at": asked["at"], "reason": None, "text": None, "typed": TYPED, "answered_by": None,
        "answered_at": None, "answer": None, "may_grant": False, "may_refuse": False,
    }  # fmt: skip
    assert opv["id"] not in answer.text
    assert reason(post(served, "/opvs", TYPED, "caio")) == (409, "request_open")
    assert reason(post(served, "/opvs", TYPED, "marta")) == (409, "already_served")
    assert served.call(f"/api/v1/opvs/{opv['id']}", "caio").status_code == 404
    path = f"/transfer-requests/{asked['id']}/answer"
    assert reason(post(served, path, {"grant": True}, "caio")) == (403, "not_allowed")
    assert reason(post(served, path, {"grant": True}, "paula")) == (403, "not_allowed"), "she does not lead caio"
    assert post(served, path, {"grant": True}).status_code == 200
    found = served.call(f"/api/v1/opvs/{opv['id']}", "caio").json()
    newest, oldest = found["captures"]
    assert (found["broker"], newest["by"], newest["typed"]) == ("caio", "caio", TYPED)
    assert (newest["last_touch"], oldest["first_touch"]) == (True, True)


PORTFOLIO = {"rui": 200, "paula": 200, "ana": 403, "marta": 403, "bia": 403, "pia": 403, "olga": 403}


def test_who_moves_a_portfolio(served: Served) -> None:
    for person, status in PORTFOLIO.items():
        opv = anas(served)
        answer = post(served, "/people/ana/portfolio", {"broker": "bia", "reason": "saiu"}, person)
        assert answer.status_code == status, (person, answer.text)
        assert served.call(f"/api/v1/opvs/{opv}").json()["broker"] == ("bia" if status == 200 else "ana")
    body = {"redistribute": True, "reason": "saiu", "include": "open"}
    assert post(served, "/people/ana/portfolio", body).json() == {"person": "ana", "moved": 5, "left": 0}
    assert served.woken == ["distribution"]
    assert post(served, "/people/ana/portfolio", body).json() == {"person": "ana", "moved": 0, "left": 0}


def test_a_call_moves_so_many_and_says_what_is_left(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.api.conversion.UNITS_OF_A_CALL", 2)
    monkeypatch.setattr(portfolio, "CHUNK", 2)
    for _ in range(5):
        served.stored.opv(broker="gone", manager="paula")
    body = {"broker": "bia", "reason": "saiu"}
    for moved, left in ((4, 1), (1, 0)):
        answer = post(served, "/people/gone/portfolio", body)
        assert answer.json() == {"person": "gone", "moved": moved, "left": left}
    assert reason(post(served, "/people/gone/portfolio", body)) == (404, "unknown_person")


def test_portfolios_refused(served: Served) -> None:
    opv = anas(served)
    for body, status, why in (
        ({"reason": "x"}, 422, "invalid_parameters"),
        ({"broker": "bia", "redistribute": True, "reason": "x"}, 422, "invalid_parameters"),
        ({"broker": "bia", "reason": "x", "include": "closed"}, 422, "invalid_parameters"),
        ({"broker": "bia"}, 422, "invalid_parameters"),
        ({"broker": "ana", "reason": "x"}, 409, "same_assignment"),
        ({"broker": "ivo", "reason": "x"}, 422, "unknown_broker"),
    ):
        assert reason(post(served, "/people/ana/portfolio", body)) == (status, why)
    assert reason(post(served, "/people/ana/portfolio", {"broker": "caio", "reason": "x"}, "paula")) == (
        403,
        "not_allowed",
    )
    assert reason(post(served, "/people/nobody/portfolio", {"broker": "bia", "reason": "x"})) == (404, "unknown_person")
    assert served.call(f"/api/v1/opvs/{opv}").json()["broker"] == "ana"

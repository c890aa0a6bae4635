"""Tags, fields and questionnaires of an OPV, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from opv.house import House, build_house
from schemas.config import Configuration
from tests.stored import CONFIGURATION
from tests.web.api.conftest import Served

ANSWERS: dict[str, Any] = {
    "tags": [{"key": "vip", "name": "VIP"}, {"key": "v-p", "name": "Outra"}],
    "fields": [
        {"key": "notes", "name": "Anotações"},
        {"key": "heat", "name": "Calor", "kind": "choice", "options": ["Quente", "Frio"]},
    ],
    "questionnaires": [{"key": "profile", "name": "Perfil", "fields": ["heat", "notes"], "optional": ["notes"]}],
}


@pytest.fixture
def in_force() -> House:
    return build_house(1, Configuration.model_validate({**CONFIGURATION, **ANSWERS}), {})


def post(served: Served, path: str, body: Any, person: str = "ana") -> requests.Response:
    return served.call(f"/api/v1/opvs/1/{path}", person, "POST", json=body)


def test_tags_and_fields_of_an_opv(served: Served) -> None:
    opv = served.stored.opv(broker="ana", manager="paula", team="sul")
    served.stored.opv(broker="ana")
    assert post(served, "tags", {"add": ["vip"]}).json()["tags"] == ["vip"]
    answer = post(served, "fields", {"heat": "QUENTE", "notes": "Andar alto"})
    assert (answer.status_code, answer.json()["fields"]) == (200, {"heat": "Quente", "notes": "Andar alto"})
    shown = served.call(f"/api/v1/opvs/{opv}", "paula").json()
    assert (shown["tags"], shown["fields"]) == (["vip"], {"heat": "Quente", "notes": "Andar alto"})
    assert [one["number"] for one in served.items("/api/v1/opvs?tag=vip")] == [1]
    assert [served.items(f"/api/v1/opvs?tag={tag}") for tag in ("vi", "v_p", "%25")] == [[], [], []]
    assert post(served, "fields", {"notes": None}).json()["fields"] == {"heat": "Quente"}
    assert post(served, "tags", {"remove": ["vip"]}).json()["tags"] == []


def test_questionnaires_say_what_they_lack(served: Served) -> None:
    served.stored.opv(broker="ana")
    (item,) = served.items("/api/v1/opvs/1/questionnaires", "ana")
    assert (item["key"], item["lacks"], item["filled_in"]) == ("profile", ["heat"], False)
    post(served, "fields", {"heat": "frio"})
    (item,) = served.items("/api/v1/opvs/1/questionnaires", "ana")
    assert (item["lacks"], item["filled_in"]) == ([], True)
    assert item["fields"][0] == {
        "key": "heat", "name": "Calor", "kind": "choice", "options": ["Quente", "Frio"], "optional": False,
        "value": "Frio",
    }  # fmt: skip
    (read,) = [one for one in served.items("/api/v1/opvs/1/reads") if one["what"] == "questionnaires"]
    assert read["person"] == "ana"


def test_refusals(served: Served) -> None:
    served.stored.opv(broker="ana")
    for path, body, status, reason in (
        ("tags", {"add": ["gold"]}, 422, "unknown_tag"),
        ("tags", {}, 422, "invalid_parameters"),
        ("tags", {"add": ["vip"], "remove": ["vip"]}, 422, "invalid_parameters"),
        ("fields", {}, 422, "invalid_parameters"),
        ("fields", {"heat": ["Quente"]}, 422, "invalid_parameters"),
        ("fields", {"rooms": 3}, 422, "unknown_field"),
        ("fields", {"heat": "morno"}, 422, "wrong_value"),
        ("fields", {"notes": "a\0"}, 422, "invalid_parameters"),
        ("contacts", {"kind": "call", "missed": True}, 422, "missed_without_visit"),
        ("contacts", {"kind": "visit", "missed": True, "at": "2999-01-01T00:00:00Z"}, 422, "missed_too_early"),
    ):
        answer = post(served, path, body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), (path, body)
    assert post(served, "tags", {"add": ["vip"]}, "bia").status_code == 404

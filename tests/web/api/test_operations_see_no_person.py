"""Whatever operations ask the API for, no answer holds anything of a person."""

from __future__ import annotations

import base64
import json
import re
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from db.ids import new_id
from db.models import DeliveryOutcome
from opv.history import text_of
from tests.stored import NOW
from tests.web.api.access_scenes import BODIES, MAKERS, Scene
from tests.web.api.conftest import Served

NAME, PHONE, EMAIL, DOCUMENT = "Zuleica Quintanilha", "+5511977665544", "zq1987@example.org", "52998224725"
ENCODED = base64.b64encode(b'{"nome": "Zu').decode()
OF_A_PERSON = ("zuleica", "quintanilha", "977665544", "77665544", "zq1987", "529982", ENCODED.lower())
_ID = re.compile(r"([\w-]+)/\{\w+\}")


@pytest.fixture
def planted(served: Served) -> dict[str, UUID]:
    """A person in every row that operations may read of: ids by the segment of a path."""
    store = served.stored
    store.channel()
    body = {"nome": NAME, "fone": PHONE, "contato": [{"e-mail": EMAIL, "cpf": int(DOCUMENT)}]}
    delivery = store.delivery(
        DeliveryOutcome.IGNORED, body=json.dumps(body).encode(),
        url=f"https://leads.example.com/hooks/site?key=***&nome={NAME.replace(' ', '%20')}&fone={PHONE}".encode(),
        headers=f"Content-Type: application/json\r\nX-Lead: {EMAIL}\r\nX-{DOCUMENT}: a\r\n".encode(),
    )  # fmt: skip
    store.submission(delivery, "ignored", reason="junk_phone", external_id=PHONE, key=f"{EMAIL}|{NAME}",
                     detail=f"the contact {DOCUMENT}, {EMAIL}")  # fmt: skip
    opv = store.opv(client=NAME, broker="ana", manager="paula")
    store.card(opv, details={"message": NAME}, campaign=EMAIL, medium=PHONE, origin=f"cpf {DOCUMENT}")
    store.fact(opv, 1, "comment.added", {}, json.dumps({"text": NAME}))
    store.waits(store.opv(client=NAME), "no_rule")
    for number, field in enumerate(("shared_phone", "development", "listing")):
        store.insert("unmapped", {"id": new_id(), "field": field, "value": (PHONE, EMAIL, DOCUMENT)[number],
                                  "channel": "site", "count": 1, "first_at": NOW, "last_at": NOW,
                                  "last_capture_id": None})  # fmt: skip
    store.insert("merge_suggestions", {"client_id": new_id(), "other_id": new_id(), "submission_id": None,
                                       "because": f"both are {NAME}", "created_at": NOW})  # fmt: skip
    run = {"automation": "quiet", "opportunity_id": opv, "at": NOW}
    steps = [{"action": "advance", "result": "skipped", "reason": "incomplete", "because": f"{NAME} has no CPF",
              "told": {"name": NAME, "phone": PHONE}}]  # fmt: skip
    store.insert("automation_runs", *(
        {**run, "id": new_id(), "occurrence": str(seq), "result": result, "because": because, "steps": text_of(steps)}
        for seq, (result, because) in enumerate((
            ("not_met", f"answers.nome is '{NAME}', not 'x'"), ("not_met", f"price is {DOCUMENT}, not gte 500000"),
            ("parked", f"{EMAIL} was not told"),
        ))
    ))  # fmt: skip
    message = store.message(recipient=EMAIL, body=json.dumps({"name": NAME, "to": PHONE}), idempotency_key=f"t:{PHONE}")
    return {"deliveries": delivery, "opvs": opv, "outbound": message}


def test_no_answer_to_operations_holds_anything_of_a_person(
    served: Served, planted: dict[str, UUID], tmp_path: Path
) -> None:
    told_a_director, numbers = "", count(1)
    for path, methods in served.call("/api/v1/openapi.json", None).json()["paths"].items():
        for method in methods:
            scene = Scene(served.stored, "ops", next(numbers), tmp_path)
            ids = {segment: planted.get(segment) or MAKERS[segment](scene) for segment in _ID.findall(path)}
            filled = _ID.sub(lambda found, ids=ids: f"{found[1]}/{ids[found[1]]}", path)  # type: ignore[misc] # the loop's value, bound now
            route = f"{method.upper()} {path}"
            body = BODIES[route](scene) if route in BODIES else {}
            answer = served.call(filled, "olga", method.upper(), **body)
            assert answer.status_code < 500 or path == "/readyz", (route, answer.text)
            said = answer.text.lower()
            assert not [one for one in OF_A_PERSON if one in said], (route, answer.text)
            told_a_director += served.call(filled).text.lower() if method == "get" else ""
    for one in OF_A_PERSON:
        assert one in told_a_director, "the person is there to be seen"


def test_a_delivery_shows_operations_how_it_is_made(served: Served, planted: dict[str, UUID]) -> None:
    shown = served.call(f"/api/v1/deliveries/{planted['deliveries']}", "olga").json()
    assert shown["url"] == "https://leads.example.com/hooks/site?key=***&nome=Xxxxxxx Xxxxxxxxxxx&fone= 9999999999999"
    assert shown["headers"] == {
        "content-type": "application/json",
        "x-lead": "xx9999@xxxxxxx.xxx",
        "x-99999999999": "x",
    }
    assert json.loads(shown["body"]) == {
        "nome": "Xxxxxxx Xxxxxxxxxxx", "fone": "+9999999999999",
        "contato": [{"e-mail": "xx9999@xxxxxxx.xxx", "cpf": 99999999999}],
    }  # fmt: skip
    assert shown["body_base64"] is shown["sha256"] is None
    (submission,) = shown["submissions"]
    assert (submission["external_id"], submission["reason"]) == ("+9999999999999", "junk_phone")
    assert served.call(f"/api/v1/deliveries/{planted['deliveries']}").json()["body_base64"]


def test_lists_of_operations_keep_what_is_of_the_house(served: Served, planted: dict[str, UUID]) -> None:
    assert [run["because"] for run in served.items("/api/v1/automation-runs", "olga")] == [
        "xx9999@xxxxxxx.xxx xxx xxx xxxx", "price is 99999999999, not gte 500000",
        "answers.nome is 'Xxxxxxx Xxxxxxxxxxx', not 'x'",
    ]  # fmt: skip
    (step,) = served.items("/api/v1/automation-runs", "olga")[0]["steps"]
    assert step == {
        "action": "advance", "result": "skipped", "reason": "incomplete", "because": "Xxxxxxx Xxxxxxxxxxx xxx xx XXX",
        "told": {"name": "Xxxxxxx Xxxxxxxxxxx", "phone": "+9999999999999"},
    }  # fmt: skip
    (suggestion,) = served.items("/api/v1/merge-suggestions", "olga")
    assert suggestion["because"] == "xxxx xxx Xxxxxxx Xxxxxxxxxxx"

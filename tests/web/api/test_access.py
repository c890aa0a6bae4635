"""Viewers × routes: who sees which OPVs, who sees operations, and what a stranger gets."""

from __future__ import annotations

from uuid import UUID

from db.queries import tokens
from tests.stored import NOW
from tests.web.api.conftest import Served

OPERATIONS = (
    "/deliveries", "/channels", "/alarms", "/drift", "/work", "/queues", "/undistributed", "/unmapped",
    "/merge-suggestions", "/schedules",
)  # fmt: skip


def test_each_viewer_sees_the_opvs_it_is_linked_to(served: Served) -> None:
    store = served.stored
    opvs = {
        "ana": store.opv(broker="ana", manager="paula", team="sul"),
        "bia": store.opv(broker="bia", manager="marta", team="sul"),  # led by paula since
        "caio": store.opv(broker="caio", manager="marta", team="sul"),
        "nobody": store.opv(),
    }
    sees = {
        "rui": {"ana", "bia", "caio", "nobody"},
        "paula": {"ana", "bia"},
        "marta": {"bia", "caio"},
        "ana": {"ana"},
        "caio": {"caio"},
        "olga": set(),
    }
    for person, expected in sees.items():
        listed = {item["id"] for item in served.items("/api/v1/opvs", person)}
        assert listed == {str(opvs[name]) for name in expected}, person
        for name, opv in opvs.items():
            for path in ("", "/history", "/decisions"):
                answer = served.call(f"/api/v1/opvs/{opv}{path}", person)
                assert answer.status_code == (200 if name in expected else 404), (person, name, path)


def test_reports_of_opvs_are_for_all_within_what_they_see(served: Served) -> None:
    for report in ("withdrawals", "origins", "first-contact"):
        for person in ("rui", "paula", "ana", "olga"):
            answer = served.call(f"/api/v1/reports/{report}", person)
            assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None}), (report, person)


def test_what_is_not_seen_answers_as_what_does_not_exist(served: Served) -> None:
    hidden = served.stored.opv(broker="bia")
    there = served.call(f"/api/v1/opvs/{hidden}", "ana")
    missing = served.call(f"/api/v1/opvs/{UUID(int=1)}", "ana")
    assert there.status_code == missing.status_code == 404
    assert there.content == missing.content


def test_operations_are_for_directors_and_operations(served: Served) -> None:
    for path in OPERATIONS:
        for person, status in (("rui", 200), ("olga", 200), ("paula", 403), ("ana", 403)):
            answer = served.call(f"/api/v1{path}", person)
            assert answer.status_code == status, (path, person)
            if status == 200:
                assert answer.json().items() >= {"items": answer.json()["items"], "next": None}.items()


def test_no_token_a_wrong_one_a_revoked_one_and_one_of_a_person_who_left(served: Served) -> None:
    database = served.stored.database
    good = served.token("rui")
    for header in (None, "Bearer pt_wrong", "Basic cnVpOng=", f"Bearer {good}x", "Bearer "):
        answer = served.call("/api/v1/opvs", None, headers={"Authorization": header} if header else {})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    assert served.call("/api/v1/opvs", "ivo").json()["reason"] == "person_inactive"
    assert served.call("/api/v1/opvs", "somebody-else").status_code == 403
    with database.write() as tx:
        assert tokens.revoke(tx, tokens.listed(tx)[-1].id, NOW)
    assert served.call("/api/v1/opvs", "rui").status_code == 401
    assert good not in served.call("/api/v1/opvs", "rui").text


def test_without_a_token_nothing_but_health_metrics_and_the_description(served: Served) -> None:
    document = served.call("/api/v1/openapi.json", None).json()
    for path, methods in document["paths"].items():
        if not path.startswith("/api/"):
            continue
        for method in methods:
            answer = served.call(path.replace("{ident}", str(UUID(int=1))), None, method.upper())
            assert answer.status_code == 401, path
    for path in ("/", "/healthz", "/metrics"):
        assert served.call(path, None).status_code == 200
    assert "<title>Porteiro</title>" in served.call("/", None).text

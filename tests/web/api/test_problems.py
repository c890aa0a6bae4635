"""Errors: always problem+json, never a 500 for what a caller sends, nothing of ours in a 500."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from db.session import Database
from opv.house import House
from schemas.errors import Retry
from tests.stored import Stored
from tests.web.api.conftest import NO_FILES, Served, now, serve
from web.api.app import create_api

LISTS = ("opvs", "deliveries", "undistributed", "unmapped", "merge-suggestions", "automation-runs", "opvs/1/history")


WRONG = (
    ("GET", "/api/v1/nothing", 404, "nothing at this address"),
    ("GET", "/elsewhere", 404, ""),
    ("DELETE", "/api/v1/opvs", 405, ""),
    ("GET", "/api/v1/opvs/0", 404, "no such OPV"),
    ("GET", "/api/v1/opvs/99999999999999999999", 404, ""),
    ("GET", "/api/v1/opvs/9999999999", 404, ""),
    ("GET", "/api/v1/opvs/%C2%B2", 404, ""),
    ("GET", "/api/v1/opvs/abc/history", 404, ""),
    ("GET", "/api/v1/opvs?stge=new", 422, "did you mean `stage`?"),
    ("GET", "/api/v1/queues?limit=1", 422, "unknown parameter `limit`"),
    ("GET", "/api/v1/opvs?limit=0", 422, "limit"),
    ("GET", "/api/v1/opvs?limit=201", 422, "limit"),
    ("GET", "/api/v1/opvs?number=99999999999999999999", 422, "number"),
    ("GET", "/api/v1/deliveries?outcome=lost", 422, "outcome"),
    ("GET", "/api/v1/deliveries?since=0001-01-01T00:00:00%2B14:00", 422, "since"),
    ("GET", "/api/v1/deliveries?reason=a&reason=%00", 422, "NUL"),
)
CURSORS = ("x", "", "AAAA", "W10", "WyJhIl0", "é", "W251bGxd", "WzFd", "W1tdXQ", "bnVsbA", "WzFlOTk5XQ")
"""Text, bytes and JSON of every kind, base64 or not."""


def test_a_problem_says_what_is_wrong(served: Served) -> None:
    for method, path, status, words in WRONG:
        answer = served.call(path, method=method)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert body["status"] == status
        assert body["type"] == f"urn:porteiro:{body['reason']}"
        assert body["title"]
        assert words in body["detail"], path
        assert ("errors" in body) == (status == 422)


def test_a_bad_cursor_is_the_callers_fault(served: Served) -> None:
    served.stored.opv()
    for name in LISTS:
        for cursor in CURSORS if "history" not in name else set(CURSORS) - {"WzFd"}:
            answer = served.call(f"/api/v1/{name}?cursor={cursor}")
            assert (answer.status_code, answer.json()["reason"]) == (400, "bad_cursor"), (name, cursor)


def test_a_nul_anywhere_is_no_server_error(served: Served) -> None:
    document = served.call("/api/v1/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not path.startswith("/api/"):
                continue
            names = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
            for name in [*names, "un%00known"]:
                answer = served.call(f"{path.replace('{ident}', '1')}?{name}=a%00b", method=method.upper())
                assert answer.status_code in (404, 422), (path, name)
            said = {"reason": "a\0"} if "requestBody" in operation else None
            answer = served.call(path.replace("{ident}", "%00"), method=method.upper(), json=said)
            assert answer.status_code == (422 if said else 404 if "{" in path else 200), path


def test_an_unexpected_error_tells_nothing(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_tx: Connection) -> House:
        raise RuntimeError("telefone +5511999990001")

    _assert_failing(database_url, broken, 500, "unexpected")
    assert "RuntimeError" in caplog.text
    assert "99999" not in caplog.text


def test_a_database_or_a_configuration_that_is_not_there_is_503(database_url: str) -> None:
    def away(_tx: Connection) -> House:
        raise OperationalError("SELECT secret", {}, Exception("lost"))

    def unconfigured(_tx: Connection) -> House:
        raise Retry("no_configuration", "no configuration is in force yet")

    _assert_failing(database_url, away, 503, "storage_unavailable")
    _assert_failing(database_url, unconfigured, 503, "no_configuration")


def _assert_failing(database_url: str, house: object, status: int, reason: str) -> None:
    database = Database(database_url)
    logging.getLogger("porteiro").setLevel(logging.INFO)
    for url in serve(create_api(database, house, [].append, now, NO_FILES)):  # type: ignore[arg-type] # fails when called
        answer = Served(url, Stored(database), []).call("/api/v1/opvs")
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert answer.headers["content-type"] == "application/problem+json"
        assert not {"secret", "99999", "Traceback"} & set(answer.text.split())
        assert ("retry-after" in answer.headers) == (status == 503)
    database.dispose()


def test_the_description_names_what_there_is(served: Served) -> None:
    document = served.call("/api/v1/openapi.json", None).json()
    assert "/api/v1/opvs/{ident}/history" in document["paths"]
    assert "/metrics" not in document["paths"]
    assert served.call("/docs", None).status_code == served.call("/redoc", None).status_code == 404

"""Attachments over HTTP: what is taken, how it is given back, who may."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.opv.files import DOCX, PDF
from tests.web.api.conftest import Served

RG = ("RG da Maria – ação.pdf", PDF)


def upload(served: Served, path: str = "1", person: str | None = "ana", file: Any = RG, **options: Any) -> Any:
    return served.call(f"/api/v1/opvs/{path}/attachments", person, "POST", files={"file": file}, **options)


@pytest.fixture
def one(served: Served) -> str:
    """The path of a file of ana's OPV."""
    served.stored.opv(broker="ana", manager="paula", team="sul")
    return f"/api/v1/opvs/1/attachments/{upload(served).json()['id']}"


def kept(tmp_path: Path) -> list[str]:
    folder = tmp_path / "attachments"
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def test_a_file_comes_back_as_it_was_sent_to_be_saved_alone(served: Served, one: str) -> None:
    answer = served.call(one, "paula")
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="RG da Maria  acao.pdf"; '
        "filename*=UTF-8''RG%20da%20Maria%20%E2%80%93%20a%C3%A7%C3%A3o.pdf"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"
    (item,) = served.items("/api/v1/opvs/1/attachments", "ana")
    assert (item["name"], item["size"], item["added_by"]) == (RG[0], len(PDF), "ana")


def test_one_that_is_removed_is_gone_and_known(served: Served, one: str, tmp_path: Path) -> None:
    assert len(kept(tmp_path)) == 1
    assert served.call(one, "ana", "DELETE").status_code == 204
    assert kept(tmp_path) == []
    for method in ("GET", "DELETE"):
        assert served.call(one, "ana", method).json()["reason"] == "unknown_attachment"
    assert served.items("/api/v1/opvs/1/attachments", "ana") == []
    (item,) = served.items("/api/v1/opvs/1/attachments?removed=true", "ana")
    assert item["removed_at"]
    kinds = [entry["kind"] for entry in served.items("/api/v1/opvs/1/history")]
    assert kinds == ["document.added", "document.removed"]


def test_one_whose_file_was_lost_is_not_there(served: Served, one: str, tmp_path: Path) -> None:
    for name in kept(tmp_path):
        (tmp_path / "attachments" / name).unlink()
    answer = served.call(one, "ana")
    assert (answer.status_code, answer.json()["reason"]) == (404, "unknown_attachment")


def test_who_does_not_see_the_opv_reaches_no_file(served: Served, one: str, tmp_path: Path) -> None:
    for person, status in (("bia", 404), ("marta", 404), ("olga", 404), (None, 401)):
        for method, path in (("GET", one), ("DELETE", one), ("GET", "/api/v1/opvs/1/attachments")):
            assert served.call(path, person, method).status_code == status, (person, method)
        assert upload(served, person=person).status_code == status
    assert len(kept(tmp_path)) == 1
    served.stored.opv(broker="bia")
    assert served.call(one.replace("/opvs/1/", "/opvs/2/"), "bia").status_code == 404  # not by way of one's own OPV


def test_of_one_of_the_clients(served: Served) -> None:
    opv = served.stored.opv(broker="ana")
    (client,) = [one["id"] for one in served.call(f"/api/v1/opvs/{opv}").json()["clients"]]
    answer = upload(served, data={"client": client}, file=("contrato.docx", DOCX))
    assert (answer.status_code, answer.json()["client"]) == (201, client)


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({"files": {"file": ("a.exe", PDF)}}, 422, "type_not_allowed"),
        ({"files": {"file": ("a.png", PDF)}}, 422, "type_not_allowed"),
        ({"files": {"file": ("a.pdf", b"")}}, 422, "file_empty"),
        ({"files": {"arquivo": ("a.pdf", PDF)}}, 422, "file_missing"),
        ({"files": {"file": ("a.pdf", PDF), "other": ("b.pdf", PDF)}}, 422, "bad_form"),
        ({"files": {"file": ("a.pdf", PDF)}, "data": {"klient": "x"}}, 422, "bad_form"),
        ({"files": {"file": ("a.pdf", PDF)}, "data": {"client": "x"}}, 422, "unknown_client"),
        ({"files": {"file": ("a.pdf", PDF)}, "data": {"client": "0" * 32}}, 422, "unknown_client"),
        ({"json": {"file": "x"}}, 415, "not_a_form"),
        ({"data": b"x", "headers": {"content-type": "multipart/form-data"}}, 422, "bad_form"),
        ({"data": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 422, "bad_form"),
        ({"data": b"--b\r\nx", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 422, "file_missing"),
    ],
)
def test_a_refusal_names_its_rule(
    served: Served, options: dict[str, Any], status: int, reason: str, tmp_path: Path
) -> None:
    served.stored.opv(broker="ana")
    answer = served.call("/api/v1/opvs/1/attachments", "ana", "POST", **options)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert kept(tmp_path) == []
    assert served.items("/api/v1/opvs/1/history") == []


@contextmanager
def sending(served: Served, person: str, *headers: tuple[str, str]) -> Iterator[http.client.HTTPConnection]:
    """A request whose head was sent, and none of its body."""
    place = urlsplit(served.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=20)
    connection.putrequest("POST", "/api/v1/opvs/1/attachments")
    given = (("Authorization", f"Bearer {served.token(person)}"), ("Content-Type", "multipart/form-data; boundary=b"))
    for name, value in (*given, *headers):
        connection.putheader(name, value)
    connection.endheaders()
    with closing(connection):
        yield connection


def test_what_is_declared_too_large_is_refused_before_it_is_sent(served: Served) -> None:
    served.stored.opv(broker="ana")
    for person, size, status, reason in (("ana", 200 * 2**20, 413, b"too_large"), ("bia", 1000, 404, b"unknown_opv")):
        with sending(served, person, ("Content-Length", str(size))) as connection:
            answer = connection.getresponse()
            assert (answer.status, reason in answer.read()) == (status, True)


def test_what_says_no_size_is_refused_as_soon_as_it_is_too_large(served: Served, tmp_path: Path) -> None:
    served.stored.opv(broker="ana")
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    with sending(served, "ana", ("Transfer-Encoding", "chunked")) as connection:
        for piece in (head, *[b"x" * 2**20] * 20, b"x" * 2**17):  # and no end
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        answer = connection.getresponse()
        assert (answer.status, b"too_large" in answer.read()) == (413, True)
    assert kept(tmp_path) == []


def test_a_large_file_goes_through(served: Served, one: str) -> None:
    content = PDF + bytes(range(256)) * 4 * 10_000
    answer = upload(served, file=("planta.pdf", content))
    assert (answer.status_code, answer.json()["size"]) == (201, len(content))
    found = served.call(f"/api/v1/opvs/1/attachments/{answer.json()['id']}", "ana")
    assert found.content == content


def test_requests_gets_told_that_it_is_too_large(served: Served) -> None:
    served.stored.opv(broker="ana")
    try:
        answer = upload(served, file=("a.pdf", PDF + b"x" * 25 * 2**20))
    except requests.ConnectionError:
        pytest.fail("the sender saw a broken connection instead of an answer")
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")

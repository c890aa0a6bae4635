"""What a sender is answered, and what is on disk by then."""

from __future__ import annotations

import hashlib
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

import psycopg
import pytest
import requests
from sqlalchemy import text

from db.session import AnyRow
from schemas.errors import Park
from schemas.source import request_from
from tests.web.intake.conftest import Door, eventually, opened

MIB = 1024 * 1024


def _problem(answer: requests.Response, status: int, reason: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (answer.json()["status"], answer.json()["title"]) == (status, reason)


def test_a_2xx_means_that_the_request_is_on_disk_as_it_came(door: Door) -> None:
    body = b'{"nome": "Jo\xe3o\\u0000", "x": "\x00\xff"}\n'
    answer = door.post(body, "/hooks/knock/?a=1&a=2&t=%00%FF%C3%A9")
    assert answer.status_code == 202
    (row,) = door.rows()
    assert str(row.id) == answer.json()["delivery"]
    assert (row.channel, row.secret, row.attempts, row.outcome) == (1, 1, 0, 0)
    assert (row.body, row.sha256, row.due_at) == (body, hashlib.sha256(body).digest(), row.received_at)
    assert row.url == f"{door.url}/hooks/knock/?a=1&a=2&t=%00%FF%C3%A9".encode()
    assert door.commits == ["ingest"]


def test_what_was_stored_reads_as_the_request_that_was_verified(door: Door) -> None:
    head = (
        b"POST /hooks/knock?nome=Jo%%E3o+Silva&q=%%e9%%FF&q=2&vazio&=x&key=%s HTTP/1.1\r\nHost: leads.example.com\r\n"
        b"X-Bytes: \xff\xfe: a\xc3\xa9\r\nX-Twice: 1\r\nX-TWICE: 2\r\nX-Empty:\r\nContent-Length: 5\r\n\r\n"
    ) % quote(door.secret, safe="").encode()
    assert door.raw(head + b"\x00\xed\xa0\x80}").startswith(b"HTTP/1.1 202")
    (row,) = door.rows()
    (seen,) = door.source.seen
    assert row.url.startswith(b"http://leads.example.com/hooks/knock?nome=Jo%E3o+Silva&q=%e9%FF&q=2")
    stored = request_from("POST", row.url, row.headers, row.body)
    assert stored == replace(seen, url=row.url.decode("latin-1"), query={**seen.query, "key": "***"})
    assert stored.query == {"nome": "João Silva", "q": "éÿ", "vazio": "", "": "x", "key": "***"}
    assert (stored.headers["x-twice"], stored.headers["x-bytes"]) == ("1", "ÿþ: aÃ©")


def test_what_is_no_http_is_refused_by_the_server_alone(sqlite_door: Door) -> None:
    for request in (b"POST /hooks/knock?q=\xe9 HTTP/1.1\r\n\r\n", b"POST /hooks/knock HTTP/1.1\r\nX: a\x00b\r\n\r\n"):
        assert sqlite_door.raw(request).startswith(b"HTTP/1.1 400")
    assert sqlite_door.raw(b"POST /hooks/%ff%00 HTTP/1.1\r\nContent-Length: 0\r\n\r\n").startswith(b"HTTP/1.1 404")


def test_many_at_once_share_commits(door: Door) -> None:
    with ThreadPoolExecutor(50) as senders:
        answers = list(senders.map(lambda n: door.post(f'{{"n": {n}}}').json()["delivery"], range(50)))
    assert sorted(str(row.id) for row in door.rows()) == sorted(answers)
    assert 0 < len(door.commits) < 50


def test_an_unknown_channel_is_answered_in_the_same_shape(door: Door) -> None:
    _problem(door.post(b"{}", "/hooks/nobody"), 404, "unknown_channel")
    _problem(door.post(b"x" * (MIB + 1), "/hooks/nobody"), 413, "too_large")
    _problem(requests.get(f"{door.url}/hooks/nobody", timeout=5), 404, "unknown_channel")
    assert requests.get(f"{door.url}/hooks/a/b", timeout=5).text == "api"
    assert door.rows() == []


def test_a_retired_channel_keeps_accepting(sqlite_door: Door) -> None:
    assert sqlite_door.post(b"{}", "/hooks/deaf").status_code == 202
    assert [row.channel for row in sqlite_door.rows()] == [2]


def _refused(door: Door) -> set[tuple[int, str, int]]:
    return {(row._mapping["channel"], row.reason, row._mapping["count"]) for row in door.rows("channel_refusals")}


def test_what_fails_verification_is_counted_and_not_kept(door: Door) -> None:
    for _ in range(2):
        _problem(door.post(b"{}", headers={"X-Knock": "errado"}), 401, "wrong_secret")
    assert eventually(lambda: _refused(door) == {(1, "wrong_secret", 2)})
    _problem(door.post(b"[]", headers={}), 401, "missing_secret")
    counted = {(1, "wrong_secret", 2), (1, "missing_secret", 1)}
    assert eventually(lambda: _refused(door) == counted)
    assert door.rows() == []


def test_counts_that_cannot_be_written_are_kept(sqlite_door: Door) -> None:
    sqlite_door.execute("ALTER TABLE channel_refusals RENAME TO elsewhere")
    sqlite_door.post(b"{}", headers={"X-Knock": "errado"})
    time.sleep(0.2)
    sqlite_door.execute("ALTER TABLE elsewhere RENAME TO channel_refusals")
    assert eventually(lambda: _refused(sqlite_door) == {(1, "wrong_secret", 1)})


def test_too_large_is_refused_declared_or_not(sqlite_door: Door) -> None:
    head = f"POST /hooks/knock HTTP/1.1\r\nHost: x\r\nX-Knock: {sqlite_door.secret}\r\n".encode()
    declared = sqlite_door.raw(head + b"Content-Length: 1048577\r\n\r\n")
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    chunked = sqlite_door.raw(head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 33)
    exact = sqlite_door.post(b"x" * MIB)
    assert (declared[:12], chunked[:12], exact.status_code) == (b"HTTP/1.1 413", b"HTTP/1.1 413", 202)
    _problem(sqlite_door.post(b"{}", headers={"X-Knock": sqlite_door.secret, "X-Long": "x" * 65536}), 431,
             "headers_too_large")  # fmt: skip
    assert len(sqlite_door.rows()) == 1


def test_a_client_that_goes_away_leaves_nothing(sqlite_door: Door, caplog: pytest.LogCaptureFixture) -> None:
    head = f"POST /hooks/knock HTTP/1.1\r\nHost: x\r\nX-Knock: {sqlite_door.secret}\r\nContent-Length: 99\r\n\r\n{{"
    host, port = sqlite_door.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
        time.sleep(0.1)
    assert sqlite_door.post(b"{}").status_code == 202
    assert len(sqlite_door.rows()) == 1
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_other_methods(sqlite_door: Door) -> None:
    url = f"{sqlite_door.url}/hooks/knock"
    greeting = requests.get(url, params={"token": sqlite_door.token, "challenge": "1158201444"}, timeout=5)
    assert (greeting.status_code, greeting.text) == (200, "1158201444")
    _problem(requests.get(url, params={"token": "errado", "challenge": "1"}, timeout=5), 403, "wrong_token")
    probe = requests.head(url, timeout=5)
    assert (probe.status_code, probe.content) == (200, b"")
    for method, path in (("PUT", "knock"), ("DELETE", "knock"), ("OPTIONS", "knock"), ("GET", "deaf")):
        answer = requests.request(method, f"{sqlite_door.url}/hooks/{path}", timeout=5)
        _problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"
    assert sqlite_door.rows() == []


def test_a_mistake_of_an_adapter_makes_the_sender_try_again(
    sqlite_door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    sqlite_door.source.bug = lambda: KeyError("Maria Exemplo")
    for _ in range(2):
        answer = sqlite_door.post(b"{}")
        _problem(answer, 503, "cannot_verify")
        assert answer.headers["retry-after"] == "5"
    (record,) = caplog.records
    assert "KeyError" in record.getMessage()
    assert "in verify" in record.getMessage()
    assert "Maria" not in caplog.text
    sqlite_door.source.bug = lambda: Park("not_json", "the body is not JSON")
    _problem(sqlite_door.post(b"{}"), 400, "not_json")
    assert sqlite_door.rows() == []


def test_storage_that_is_not_there_is_answered_503(sqlite_url: str) -> None:
    with opened(sqlite_url, "postgresql+psycopg://postgres@127.0.0.1:1/postgres") as door:
        for _ in range(2):
            answer = door.post(b"{}")
            _problem(answer, 503, "storage_unavailable")
            assert answer.headers["retry-after"] == "5"


@contextmanager
def _hung(door: Door) -> Iterator[None]:
    """Another process holds what an INSERT needs."""
    with door.database.write() as tx:
        if door.database.dialect == "postgresql":
            tx.execute(text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
        yield


def test_a_hung_database_is_answered_503_in_time(door: Door) -> None:
    assert door.post(b"{}").status_code == 202
    with _hung(door), ThreadPoolExecutor(8) as senders:
        began = time.monotonic()
        late = [senders.submit(door.post, b"{}")]
        time.sleep(1)
        late += [senders.submit(door.post, b"{}") for _ in range(7)]
        answers = [answer.result() for answer in late]
        assert 2.5 < time.monotonic() - began < 6
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "5")}
    until = time.monotonic() + 5  # the given-up write may take the first one after it along
    while door.post(b'{"after": 1}').status_code != 202:
        assert time.monotonic() < until
    assert [row.body for row in door.rows()].count(b'{"after": 1}') == 1


@pytest.mark.services
def test_lost_connections_lose_and_double_nothing(postgresql_door: Door) -> None:
    door, over = postgresql_door, threading.Event()
    conninfo = door.database.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def cut() -> int:
        cuts = 0
        with psycopg.connect(conninfo, autocommit=True) as connection:
            while not over.wait(0.1):
                cuts += connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).rowcount
        return cuts

    with ThreadPoolExecutor(9) as pool:
        cutting = pool.submit(cut)
        answers = list(pool.map(lambda n: door.post(b"%d" % n).status_code, range(400)))
        over.set()
    assert cutting.result() > 3
    stored = Counter(int(row.body) for row in _after_cuts(door))
    assert set(answers) <= {202, 503}
    assert answers.count(202) > 200
    assert all(stored[n] == 1 for n, status in enumerate(answers) if status == 202)
    assert max(stored.values()) == 1


def _after_cuts(door: Door) -> list[AnyRow]:
    door.database.dispose()
    return door.rows()

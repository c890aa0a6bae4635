"""No configured secret reaches the disk or a log; everything else is kept byte for byte."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from urllib.parse import quote, quote_plus
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from schemas.source import Entrance
from tests.web.intake.conftest import Door, Knock, KnockOptions
from web.intake.masking import Masker

SECRET, TOKEN = 'ségredo/"+ com tudo', "token-de-verificacao"


@pytest.fixture
def masker() -> Masker:
    """Masks for an entrance with a short secret, a long one, and one among its options."""
    options = KnockOptions(verify_token=SecretStr(TOKEN))
    return Masker(Entrance("knock", 1, Knock(), ("curto", SECRET), options, ZoneInfo("UTC")))


def test_headers(masker: Masker) -> None:
    headers = [(b"x-knock", b"curto"), (b"host", b"x"), (b"authorization", b"Basic eDp5"), (b"x-other", b"a curto b"),
               (b"x-other", b"[" + SECRET.encode("latin-1") + b"]")]  # fmt: skip
    kept = b"x-knock: ***\r\nhost: x\r\nauthorization: ***\r\nx-other: a curto b\r\nx-other: [***]\r\n"
    assert masker.header_lines(headers) == kept


def test_nobody_sends_the_marks_of_the_house(door: Door) -> None:
    answer = door.post(b"{}", headers={"X-Knock": door.secret, "X-Porteiro-Import": "1", "X-PORTEIRO-Other": "2"})
    assert answer.status_code == 202
    kept = door.rows()[0].headers.lower()
    assert b"x-knock: ***" in kept
    assert b"porteiro" not in kept


def test_that_a_porteiro_sent_it_on_is_kept(masker: Masker) -> None:
    headers = [(b"x-porteiro-forwarded", b"1"), (b"x-porteiro-import", b"1")]
    assert masker.header_lines(headers) == b"x-porteiro-forwarded: 1\r\n"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (b"key=curto&a=%e1+b&&c", b"key=***&a=%e1+b&&c"),
        (b"a=1&KEY=x&key=y", b"a=1&KEY=***&key=***"),
        (b"%6bey=curto&key=", b"%6bey=***&key="),
        (b"u=" + quote(SECRET).encode(), b"***"),
        (b"u=1" + quote_plus(SECRET).lower().encode() + b"2", b"***"),
        (b"u=%74oken-de-verificaca%6f&v=1", b"***&v=1"),
    ],
)
def test_query(masker: Masker, query: bytes, kept: bytes) -> None:
    assert masker.url(b"http://x/y", query) == b"http://x/y?" + kept


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"a" : 1.10,"Knock_Key" :\t"cu\\"rto" , "b":"\xe9"}', b'{"a" : 1.10,"Knock_Key" :\t"***" , "b":"\xe9"}'),
        (b'{"knock_key":null,"knock_key":12}', b'{"knock_key":"***","knock_key":"***"}'),
        (b'{"m":"\\"knock_key\\": \\"x\\"","knock_key":"y"}', b'{"m":"\\"knock_key\\": \\"x\\"","knock_key":"***"}'),
        (b'{"knoc\\u006b_key":"curto","n":"\\u00e9"}', b'{"knoc\\u006b_key": "***", "n": "\\u00e9"}'),
        (b'{"knock_key":["curto"]}', b'{"knock_key": "***"}'),
        (b'{"knock_key":"curto', b'{"knock_key":"curto'),
        (b'{"other":' + json.dumps(SECRET).encode() + b"}", b'{"other":"***"}'),
        (b"a=1&knock_ke%79=curto&b=%e9", b"a=1&knock_ke%79=***&b=%e9"),
        (b"\xff\x00" + TOKEN.encode() + b"\x00", b"\xff\x00***\x00"),
        (b"", b""),
    ],
)
def test_body(masker: Masker, body: bytes, kept: bytes) -> None:
    masked = masker.body(body, "")
    if b"\\u006b" in body:  # read and written again: the same values
        assert json.loads(masked) == {"knock_key": "***", "n": "é"}
    else:
        assert masked == kept


def test_body_in_another_charset(masker: Masker) -> None:
    masked = masker.body('{"knock_key": "curto", "nome": "José"}'.encode("utf-16"), "application/json")
    assert json.loads(masked) == {"knock_key": "***", "nome": "José"}


def test_no_secret_on_disk_or_in_a_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    start = _log_position(door)
    basic = base64.b64encode(f"x:{door.secret}".encode()).decode()
    marks = [
        door.post(b"marca-1"),
        door.post(b"marca-2", f"/hooks/knock?key={quote(door.secret, safe='')}", headers={}),
        door.post(json.dumps({"m": "marca-3", "knock_key": door.secret}), headers={}),
        door.post(f"m=marca-4&knock_key={quote_plus(door.secret)}", headers={}),
        door.post(f"marca-5 {door.token}", f"/hooks/knock?x={door.token}", headers={
            "X-Knock": door.secret, "Authorization": f"Basic {basic}", "X-Echo": door.token}),
    ]  # fmt: skip
    assert [answer.status_code for answer in marks] == [202] * 5
    disk = _log_since(door, start) + b"".join(b"%b%b%b" % (row.url, row.headers, row.body) for row in door.rows())
    # Not the client's own log, nor the access log, which is off but for pytest's handler.
    logged = " ".join(
        r.getMessage() for r in caplog.records if r.name not in ("urllib3.connectionpool", "uvicorn.access")
    )
    for secret in (door.secret, door.token):
        for form in (secret.encode(), quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()):
            assert form not in disk
        assert secret not in logged
    assert basic.encode() not in disk
    assert all(b"marca-%d" % n in disk for n in range(1, 6))


def _log_position(door: Door) -> str:
    if door.database.dialect == "sqlite":
        return ""
    with door.database.read() as tx:
        return str(tx.execute(text("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")).scalar_one())


def _log_since(door: Door, start: str) -> bytes:
    """The database's files, or PostgreSQL's write-ahead log since a position."""
    if door.database.dialect == "sqlite":
        file = str(door.database.url.database)
        return b"".join(Path(file + end).read_bytes() for end in ("", "-wal"))
    with door.database.read() as tx:
        files = tx.execute(
            text("SELECT pg_read_binary_file('pg_wal/' || name) FROM pg_ls_waldir() WHERE name BETWEEN :a AND :b"),
            {"a": start, "b": _log_position(door)},
        )
        return b"".join(files.scalars())

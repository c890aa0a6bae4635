"""Promise 9: no configured secret reaches the database, the message broker or a log, however it was presented."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import select

from db.models import Base
from tests.promises.conftest import Install
from tests.promises.house import SECRETS, Installation, wait_until
from tests.promises.platforms import Sent


def spellings(secret: str) -> Iterator[str]:
    """A secret as it may stand in a text, a URL, a JSON body or an `Authorization` header."""
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    for user in ("", "vivareal:"):
        yield base64.b64encode((user + secret).encode()).decode()


def found_in(text: bytes) -> list[str]:
    """Names of the secrets that a text shows."""
    return [name for name, secret in SECRETS.items() if any(form.encode() in text for form in spellings(secret))]


def present_every_secret(house: Installation) -> list[tuple[int, Sent]]:
    """Posts, at right and wrong doors, with right and wrong secrets; each with the status that must come back."""
    zap, google, site, meta = (house.platforms.lead(channel, 1) for channel in ("zap", "google", "site", "meta"))
    lost = house.platforms.lead("meta", 2)
    house.platforms.forget(lost)
    token = {"Content-Type": "application/json"}
    key = SECRETS["GOOGLE_KEY"]
    chatty = json.dumps({"nome": "Nair Exemplo", "telefone": "11987650001", "mensagem": SECRETS["SITE_TOKEN"]})
    google_body = json.loads(google.body)
    escaped = json.dumps({**google_body, "lead_id": "esc"}).replace('"google_key"', '"\\u0067oogle_key"')
    capital = json.dumps({**google_body, "lead_id": "cap"}).replace("google_key", "Google_key")
    wrong = json.dumps({**google_body, "google_key": SECRETS["ZAP_SECRET"]})
    bearer = {"Authorization": f"Bearer {SECRETS['META_TOKEN']}"}
    query = f"site?key={quote(SECRETS['SITE_TOKEN'])}"
    return [
        (200, zap), (200, google), (200, site), (200, meta), (200, lost),
        (200, site._replace(channel=query, headers=token, body=b'{"id": "q", "nome": "Rita", "tel": "11987650002"}')),
        (200, site._replace(headers={"X-Lead-Key": SECRETS["SITE_TOKEN"]}, body=chatty.encode())),
        (200, zap._replace(channel=f"zap?chave={quote_plus(SECRETS['ZAP_SECRET'])}")),
        (200, meta._replace(channel=f"meta?hub.verify_token={quote(SECRETS['META_VERIFY'])}")),
        (200, google._replace(body=escaped.encode())),
        (200, google._replace(body=capital.encode())),
        (401, google._replace(body=wrong.encode())),
        (401, zap._replace(headers=bearer)),
        (401, site._replace(headers=bearer)),
        (401, site._replace(channel=f"site?key={quote(key)}", headers=token)),
        (401, meta._replace(headers={"X-Hub-Signature-256": SECRETS["META_APP_SECRET"]})),
        (404, site._replace(channel=f"ninguem?key={quote(SECRETS['SITE_TOKEN'])}")),
    ]  # fmt: skip


def shake_hands(house: Installation) -> list[int]:
    """The platform's handshake: right, and with another secret as token."""
    statuses = []
    for secret in ("META_VERIFY", "META_APP_SECRET"):
        token = quote(SECRETS[secret])
        url = f"/hooks/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}"
        statuses.append(house.platforms.get(url))
    return statuses


def everything_stored(house: Installation) -> bytes:
    """All values of all rows."""
    values: list[bytes] = []
    with house.database.read() as tx:
        for table in Base.metadata.sorted_tables:
            for row in tx.execute(select(table)):
                values += (bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row)
    return b"\n".join(values)


def files_of(folder: Path) -> bytes:
    """The content of each file, but of the configuration."""
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "services",
    [
        pytest.param(("postgresql_url", "rabbitmq_url"), marks=pytest.mark.services, id="postgresql-rabbitmq"),
        pytest.param((), id="embedded"),
    ],
)
def test_no_secret_is_kept_sent_or_logged(
    services: tuple[str, ...], request: pytest.FixtureRequest, install: Install
) -> None:
    urls = tuple(map(request.getfixturevalue, services)) or ("", "")
    house = install(*urls, PORTEIRO_ACCESS_LOG="true")
    if not services:
        house.run("migrate")
        house.run("apply", "--yes")
    house.start("web")
    expected = present_every_secret(house)
    answers = [house.platforms.post(sent) for _, sent in expected]
    assert [answer.status for answer in answers] == [status for status, _ in expected]
    assert shake_hands(house) == [200, 403]
    wait_until(lambda: house.ledger.count("channel_refusals") >= 4, "refusals are counted")
    sent = "\n".join(house.messages.take_all()).encode() + files_of(house.folder)
    assert b"porteiro.ingest" in sent
    worker, beat = house.start("worker", "beat")
    wait_until(lambda: not house.ledger.count("deliveries", "outcome = 0 AND due_at IS NOT NULL"), "all is processed")
    wait_until(lambda: house.ledger.count("submissions", "outcome = 'pending'") == 0, "leads are fetched")
    assert house.ledger.outcomes().total() == [status for status, _ in expected].count(200)
    worker.stop()
    beat.stop()
    kept = {"sent": sent, "stored": everything_stored(house), "files": files_of(house.folder)}
    assert {place: found_in(text) for place, text in kept.items()} == {place: [] for place in kept}

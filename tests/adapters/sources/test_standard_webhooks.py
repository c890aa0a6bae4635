"""The published contract beyond the fixtures: signatures, envelopes, and the page that senders copy from."""

from __future__ import annotations

import base64
import hmac
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from adapters.sources.base import Source
from adapters.sources.standard_webhooks import StandardWebhooks
from schemas.errors import Park, Reject
from schemas.source import Entrance, ReadLead, Request, header_texts
from tests.adapters.sources.entrances import entrance, post

SLUG = "standard_webhooks"
SECRET = "whsec_Y2hhdmUtZGUtdGVzdGUtY29tLTI0LWJ5"
NOW = 1790001000.0
PAGE = Path(__file__).parents[3] / "docs" / "standard-webhooks.md"
BODY = (
    '{"type":"lead.created","timestamp":"2026-09-21T14:30:00Z","data":{"id":"lead_0001","nome":"Caio Exemplo",'
    '"telefone":"+5531999990107","empreendimento":"JARDIM-01"}}'
)
PUBLISHED = "v1,RSNCDfwBbGhVOM6yHsCy8G3AQ3yF/UOmkkGVzW+xaQ0="


def door_at(now: float = NOW, secrets: tuple[str, ...] = (SECRET,)) -> Entrance:
    source: Source = StandardWebhooks(now=lambda: now)
    return replace(entrance(SLUG, secrets=secrets), source=source)


def signed(signature: str, sent: str = "1790001000", name: str = "webhook-") -> dict[str, str]:
    return {f"{name}id": "msg_exemplo0001", f"{name}timestamp": sent, f"{name}signature": signature}


@pytest.mark.parametrize(
    "presented", [PUBLISHED, f"v1,x {PUBLISHED}", f"{PUBLISHED} v1a,x", f"v9,y  {PUBLISHED}\t v1,"]
)
def test_any_of_the_signatures_will_do(presented: str) -> None:
    for name in ("webhook-", "svix-"):
        assert door_at().source.verify(post(BODY, signed(presented, name=name)), door_at()) == 0


@pytest.mark.parametrize(
    "presented", ["", "v1,", "v1a," + PUBLISHED[3:], PUBLISHED[3:], PUBLISHED.replace("v1", "V1"), PUBLISHED + ","]
)
def test_another_version_or_a_broken_one_does_not(presented: str) -> None:
    with pytest.raises(Reject, match="does not match"):
        door_at().source.verify(post(BODY, signed(presented)), door_at())


def test_a_wrong_signature_is_not_made_good_by_the_secret_beside_it() -> None:
    headers = {**signed("v1,x"), "Authorization": f"Bearer {SECRET}"}
    with pytest.raises(Reject, match="does not match"):
        door_at().source.verify(post(BODY, headers), door_at())


@pytest.mark.parametrize("apart", [-300, 300])
def test_a_signature_is_good_for_five_minutes(apart: int) -> None:
    request = post(BODY, signed(PUBLISHED))
    assert door_at(NOW + apart).source.verify(request, door_at()) == 0
    with pytest.raises(Reject) as refused:
        door_at(NOW + apart * 1.01).source.verify(request, door_at())
    assert (refused.value.status, refused.value.reason) == (401, "stale_timestamp")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_====", ""])
def test_a_secret_that_is_empty_verifies_nobody(secret: str) -> None:
    empty = base64.b64encode(hmac.digest(b"", f"msg_exemplo0001.1790001000.{BODY}".encode(), "sha256")).decode()
    with pytest.raises(Reject):
        door_at().source.verify(post(BODY, signed(f"v1,{empty}")), door_at(secrets=(secret,)))


def test_a_secret_that_is_no_base64_is_a_key_as_it_is() -> None:
    text = f"msg_exemplo0001.1790001000.{BODY}".encode()
    signature = base64.b64encode(hmac.digest(b"chave do site", text, "sha256")).decode()
    door = door_at(secrets=("chave do site",))
    assert door.source.verify(post(BODY, signed(f"v1,{signature}")), door) == 0


def test_a_message_is_known_by_its_id_in_each_attempt() -> None:
    door = door_at()
    bare = '{"name": "Rui", "phone": "31999990136"}'
    for headers in ({"webhook-id": "msg_1"}, {"svix-id": "msg_1"}, {"Idempotency-Key": "msg_1", "webhook-id": "x"}):
        (read,) = door.source.read(post(bare, headers), door)
        assert read.key == "msg_1"


def test_several_leads_in_one_message_are_several_submissions() -> None:
    door = door_at()
    leads = [{"name": "Rui", "phone": "31999990136"}, {"name": "Lia", "phone": "31999990137"}]
    envelope = {"type": "lead.created", "data": {"name": "Noé", "phone": "31999990138"}}
    for body, keys in ((leads, ["m:0", "m:1"]), ([leads[0], envelope], ["m:0", "m:1"])):
        assert [read.key for read in door.source.read(post(json.dumps(body), {"webhook-id": "m"}), door)] == keys


def test_a_time_of_the_lead_itself_comes_before_the_envelopes() -> None:
    door = door_at()
    data = {"name": "Rui", "phone": "31999990136", "created_at": "2026-09-21T08:00:00-03:00"}
    envelope = {"type": "lead.created", "timestamp": "2026-09-21T14:30:00Z", "data": data}
    (read,) = door.source.read(post(json.dumps(envelope)), door)
    assert isinstance(read, ReadLead)
    assert read.lead.submitted_at is not None
    assert read.lead.submitted_at.isoformat() == "2026-09-21T08:00:00-03:00"


def test_a_batch_without_any_lead_is_parked() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/", "type": "x"}
    for body in ([event, event], [event] * 1001, []):
        with pytest.raises(Park):
            door_at().source.read(post(json.dumps(body)), door_at())


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Request]]]:
    """An address on this machine, and the requests that it gets."""
    received: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = header_texts([(n.encode("latin-1"), v.encode("latin-1")) for n, v in self.headers.items()])
            received.append(Request("POST", f"{address}{self.path}", headers, {}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"{address}/hooks/parceiro", received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("language", "key"), [("bash", "lead-0001"), ("python", "lead-0002")])
def test_the_pages_example_can_be_copied(receiver: tuple[str, list[Request]], language: str, key: str) -> None:
    address, received = receiver
    (example,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example.count("https://leads.example.com.br/hooks/parceiro") == 1
    program = example.replace("https://leads.example.com.br/hooks/parceiro", address)
    command = {"bash": ["bash", "-eu", "-c", program], "python": [sys.executable, "-c", program]}[language]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    (request,) = received
    door = entrance(SLUG)
    assert door.source.verify(request, door) == 0
    (read,) = door.source.read(request, door)
    assert isinstance(read, ReadLead)
    assert (read.key, read.test, read.lead.development) == (key, True, "Jardim Exemplo")


def test_the_page_names_every_field_that_its_table_promises() -> None:
    names = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", PAGE.read_text(), re.MULTILINE)))
    values = {name: f"valor-{name}" for name in names if name not in ("answers", "test", "consent", "created_at")}
    lead = {**values, "created_at": "2026-09-21T11:30:00-03:00", "consent": True, "answers": {"A?": "b"}, "test": True}
    (read,) = door_at().source.read(post(json.dumps(lead)), door_at())
    assert isinstance(read, ReadLead)
    told = repr(read.lead)
    assert not [name for name, value in values.items() if name != "id" and value not in told]
    assert read.lead.answers == {"A?": "b"}
    assert (read.key, read.test, len(read.lead.consent)) == ("valor-id", True, 1)

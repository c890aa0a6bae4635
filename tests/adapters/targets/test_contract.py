"""The contract that every target keeps, run over those of the house."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from adapters.http import RequestsClient
from adapters.targets.conecta import Conecta
from adapters.targets.meta_conversions import MetaConversions
from adapters.targets.rd_station import RdStation
from adapters.targets.registry import configurable
from adapters.targets.sales_module import SalesModule
from adapters.targets.smtp import Smtp
from adapters.targets.testing import CLIENT_MESSAGE, NOW, Subject, TargetContract
from adapters.targets.webhook import Webhook
from schemas.client_message import KIND as TO_CLIENT
from schemas.client_message import ClientMessage
from schemas.notice import Notice
from schemas.stage_news import KIND as STAGE
from schemas.stage_news import StageNews

PAGE = Path(__file__).parents[3] / "docs" / "targets.md"
HTTP = RequestsClient((1.0, 0.5))
TOKEN = "segredo-de-exemplo"
SECRET = "whsec_Y2hhdmUtZGUtdGVzdGUtY29tLTI0LWJ5"


def api(url: str) -> Mapping[str, str]:
    return {"api_url": f"{url}/api/", "token": TOKEN}


TRYING = {"allow_http": True, "allow_private": True}
NEWS = StageNews(name="Client", at=NOW, emails=["ana.exemplo@example.com"], phones=["+5511980000001"])
SUBJECTS = (
    Subject("conecta", lambda clock: Conecta(HTTP, clock), api, TOKEN, b'{"id": 1}'),
    Subject(
        "conecta-client",
        lambda clock: Conecta(HTTP, clock),
        api,
        TOKEN,
        b'{"id": 1}',
        kind=TO_CLIENT,
        body=CLIENT_MESSAGE.model_dump_json(),
    ),
    Subject(
        "conecta-conversation",
        lambda clock: Conecta(HTTP, clock),
        api,
        TOKEN,
        b'{"id": 1, "url": "https://conecta.example/c/1"}',
        kind="whatsapp",
        body=json.dumps({"phone": "+5511980000001", "name": "Ana Exemplo", "text": "Olá, Rita!"}),
        tries=3,
    ),
    Subject(
        "meta_conversions",
        lambda clock: MetaConversions(HTTP, clock, seconds=1.0),
        lambda url: {
            **TRYING,
            "api_url": url,
            "dataset": "1234567890",
            "access_token": TOKEN,
            "stages": {"won": "Sale"},
        },
        TOKEN,
        b'{"events_received": 1, "messages": [], "fbtrace_id": "A1"}',
        kind=STAGE,
        body=NEWS.model_copy(update={"name": "Sale", "external_id": "1203344556677889"}).model_dump_json(),
        key_of=lambda asked: json.loads(asked.body)["data"][0]["event_id"],
    ),
    Subject(
        "rd_station",
        lambda clock: RdStation(HTTP, clock, seconds=1.0),
        lambda url: {
            **TRYING,
            "api_url": url,
            "client_id": "app",
            "client_secret": TOKEN,
            "refresh_token": TOKEN,
            "stages": {"won": "Client"},
        },
        TOKEN,
        kind=STAGE,
        body=NEWS.model_dump_json(),
        aside={"/auth/token": b'{"access_token": "um-token", "expires_in": 86400}'},
    ),
    Subject(
        "sales_module",
        lambda clock: SalesModule(HTTP, clock),
        api,
        TOKEN,
        b'{"id": "VD-1"}',
        kind="sale_process",
        body=json.dumps({"clients": [{"name": "Ana Exemplo", "phones": ["+5511980000001"]}]}),
    ),
    Subject(
        "webhook",
        lambda clock: Webhook(HTTP, clock, seconds=1.0),
        lambda url: {**TRYING, "url": f"{url}/aviso?a=b", "secrets": [SECRET]},
        SECRET,
        key_header="webhook-id",
    ),
)


class TestContract(TargetContract):
    subjects = SUBJECTS


def test_every_target_is_on_trial_and_on_the_page() -> None:
    assert {one.target.slug for one in SUBJECTS} | {Smtp.slug} == set(configurable())
    page = PAGE.read_text(encoding="utf-8")
    assert [slug for slug in configurable() if not re.search(rf"^###? .*`{slug}`", page, re.MULTILINE)] == []


def test_what_the_page_shows_goes_out() -> None:
    notice, to_client = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert set(Notice.model_validate_json(notice).model_fields_set) == set(Notice.model_fields)
    assert set(ClientMessage.model_validate_json(to_client).model_fields_set) == set(ClientMessage.model_fields)

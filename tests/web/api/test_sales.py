"""The won sale's button and process, and WhatsApp, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import requests
from pydantic import SecretStr

from adapters.targets.base import ApiOptions
from db.session import Database
from opv.house import House
from schemas.config import Configuration, WhatsApp, WonSale
from schemas.errors import Retry
from schemas.target import Answer, ConfiguredTarget, Message
from tests.opv.clients.people import CPF, details
from tests.stored import Stored, ago
from tests.stored import house as usual
from tests.web.api.conftest import NO_FILES, Served, now, serve
from web.api.app import create_api

SALE = {"value": "450000.50", "unit": "101", "date": "2026-01-05"}


OPTIONS = ApiOptions(api_url="http://127.0.0.1:9", token=SecretStr("segredo"))


class Conecta:
    """Answers with an address, until it is told not to."""

    slug: ClassVar[str] = "conecta"
    down = False

    def send(self, message: Message) -> Answer:
        if self.down:
            raise Retry("no_answer", "it did not answer")
        return Answer(url="https://conecta.example/c/1")


class Shop:
    """A served API whose configuration can be changed."""

    def __init__(self, database: Database) -> None:
        self.house: House = usual()
        self.conecta = Conecta()
        self.woken: list[str] = []
        self.stored = Stored(database)
        self.api = create_api(
            database, lambda _tx: self.house, self.woken.append, now, NO_FILES, {"conecta": self.conecta}
        )

    def configure(self, won_sale: WonSale | None = None, whatsapp: WhatsApp | None = None) -> None:
        """Another configuration in force, with a sales module and Conecta as targets."""
        parts = {"won_sale": won_sale or WonSale(), "whatsapp": whatsapp or WhatsApp()}
        configuration: Configuration = self.house.configuration.model_copy(update=parts)
        targets = {slug: ConfiguredTarget(slug, slug, OPTIONS) for slug in ("sales_module", "conecta")}
        self.house = replace(self.house, configuration=configuration, targets=targets)


@pytest.fixture
def shop(database_url: str) -> Iterator[tuple[Shop, Served]]:
    database = Database(database_url)
    shop = Shop(database)
    for url in serve(shop.api):
        yield shop, Served(url, shop.stored, shop.woken)
    database.dispose()


def post(served: Served, path: str, body: Any, person: str = "ana") -> requests.Response:
    return served.call(f"/api/v1/opvs{path}", person, "POST", json=body)


def button(served: Served, opv: Any, person: str = "ana") -> dict[str, Any]:
    answer = served.call(f"/api/v1/opvs/{opv}/won-sale", person)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def complete(served: Served, opv: Any) -> None:
    """Gives the OPV's client all that a sale needs."""
    with served.stored.database.write() as tx:
        tx.exec_driver_sql(
            "UPDATE clients SET document = '{}', details = '{}'".format(CPF, details().stored().replace("'", "''"))
        )


def test_the_button_as_configured_and_who_may_press_it(shop: tuple[Shop, Served]) -> None:
    house, served = shop
    opv = served.stored.opv(broker="ana", manager="paula", team="sul")
    assert button(served, opv) == {
        "button": True, "label": "Venda ganha", "mode": "direct", "may": True, "reason": None, "process": None,
        "missing": [],
    }  # fmt: skip
    house.configure(WonSale(label="Informar venda", who=["manager"]))
    assert (button(served, opv)["label"], button(served, opv)["reason"]) == ("Informar venda", "not_allowed")
    assert button(served, opv, "paula")["may"] is True
    assert post(served, f"/{opv}/won-sale", SALE).json()["reason"] == "not_allowed"
    house.configure(WonSale(button=False))
    off = button(served, opv, "rui")
    assert (off["button"], off["may"], off["reason"]) == (False, False, "won_sale_off")
    refused = post(served, f"/{opv}/won-sale", SALE, "rui")
    assert (refused.status_code, refused.json()["reason"]) == (409, "won_sale_off")
    house.configure()
    assert post(served, f"/{opv}/won-sale", SALE).status_code == 200
    assert button(served, opv)["reason"] == "opv_closed"


def test_documentation_says_what_is_missing_and_then_asks(shop: tuple[Shop, Served]) -> None:
    house, served = shop
    house.configure(WonSale(mode="documentation"))
    opv = served.stored.opv(broker="ana", manager="paula", team="sul", client="Maria Teste")
    found = button(served, opv)
    assert (found["mode"], found["reason"]) == ("documentation", "clients_incomplete")
    assert {(one["name"], one["what"]) for one in found["missing"]} >= {("Maria Teste", "document")}
    refused = post(served, f"/{opv}/won-sale", SALE)
    assert (refused.status_code, refused.json()["reason"]) == (409, "clients_incomplete")
    assert "Maria Teste: falta o CPF" in refused.json()["detail"]
    assert not served.items(f"/api/v1/opvs/{opv}/history")
    complete(served, opv)
    assert button(served, opv)["may"] is True
    asked = post(served, f"/{opv}/won-sale", SALE)
    assert (asked.status_code, asked.json()["status"]) == (202, "open")
    assert "outbound" in served.woken
    found = button(served, opv)
    process = found["process"]
    assert (found["may"], found["reason"]) == (False, "process_alive")
    assert (process["state"], process["value"], process["unit"], process["date"], process["asked_by"]) == (
        "asked", 450000.5, "101", "2026-01-05", "ana",
    )  # fmt: skip
    assert (process["tries"], process["process_id"]) == (0, None)
    assert process["next_try_at"] is not None
    again = post(served, f"/{opv}/won-sale", SALE)
    assert (again.status_code, again.json()["reason"]) == (409, "process_alive")
    (entry,) = served.items(f"/api/v1/opvs/{opv}/history")
    assert (entry["kind"], entry["actor"]) == ("sale.process_asked", "person:ana")


def test_a_process_of_before_is_shown(shop: tuple[Shop, Served]) -> None:
    house, served = shop
    house.configure(WonSale(mode="documentation"))
    opv = served.stored.opv(broker="ana", status="won")
    row = {
        "opportunity_id": opv, "at": ago(60), "asked_by": "ana", "value_cents": 100, "unit": "1",
        "sold_on": ago(0).date(), "process_id": "VD-1", "status": "assinado", "status_at": ago(1), "reason": None,
    }  # fmt: skip
    for number, state in enumerate(("failed", "won"), 1):
        served.stored.insert("sale_processes", {**row, "id": opv.__class__(int=number), "seq": number, "state": state})
    process = button(served, opv)["process"]
    assert (process["state"], process["process_id"], process["status"]) == ("won", "VD-1", "assinado")


@pytest.mark.parametrize(
    ("person", "status"),
    [("rui", 200), ("paula", 200), ("ana", 200), ("marta", 404), ("bia", 404), ("olga", 404), (None, 401)],
)
def test_who_sees_the_opv_has_its_shortcuts(shop: tuple[Shop, Served], person: str | None, status: int) -> None:
    _, served = shop
    opv = served.stored.opv(broker="ana", manager="paula", team="sul")
    assert served.call(f"/api/v1/opvs/{opv}/won-sale", person).status_code == status
    assert served.call(f"/api/v1/opvs/{opv}/whatsapp", person, "POST", json={}).status_code == status


def test_whatsapp_by_link(shop: tuple[Shop, Served]) -> None:
    house, served = shop
    house.configure(whatsapp=WhatsApp(greeting="Oi, {client}!"))
    opv = served.stored.opv(broker="ana")
    answer = post(served, f"/{opv}/whatsapp", {})
    assert answer.json() == {"url": "https://wa.me/5511999990001?text=Oi%2C%20Maria%20Teste%21", "by": "wa.me"}
    answer = post(served, f"/{opv}/whatsapp", {"text": "50% & mais"})
    assert answer.json()["url"].endswith("?text=50%25%20%26%20mais")
    entries = served.items(f"/api/v1/opvs/{opv}/history")
    assert [entry["kind"] for entry in entries] == ["whatsapp.opened"] * 2
    assert entries[1]["content"] == {"phone": "+5511999990001", "text": "50% & mais"}
    for body, status, reason in (
        ({"client": str(opv)}, 404, "unknown_client"),
        ({"text": " "}, 422, "invalid_parameters"),
        ({"text": "a\0b"}, 422, "invalid_parameters"),
        ({"telefone": "1"}, 422, "invalid_parameters"),
    ):
        refused = post(served, f"/{opv}/whatsapp", body)
        assert (refused.status_code, refused.json()["reason"]) == (status, reason)
    assert len(served.items(f"/api/v1/opvs/{opv}/history")) == 2


def test_whatsapp_by_conecta(shop: tuple[Shop, Served]) -> None:
    house, served = shop
    house.configure(whatsapp=WhatsApp(target="conecta"))
    opv = served.stored.opv(broker="ana")
    answer = post(served, f"/{opv}/whatsapp", {})
    assert (answer.status_code, answer.json()) == (200, {"url": "https://conecta.example/c/1", "by": "conecta"})
    house.conecta.down = True
    failed = post(served, f"/{opv}/whatsapp", {})
    assert (failed.status_code, failed.json()["reason"]) == (502, "conecta_failed")
    assert failed.headers["content-type"] == "application/problem+json"
    assert len(served.items(f"/api/v1/opvs/{opv}/history")) == 1

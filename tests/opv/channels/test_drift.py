"""Drift: an unknown field is told once, by its name alone."""

from __future__ import annotations

import json
import logging

import pytest
from sqlalchemy import delete

from tests.pipeline import TABLES, Start, counted, lead

LEAD = {"originLeadId": "1", "name": "Ana Exemplo", "email": "a@example.com"}


def test_a_field_that_no_source_knows_is_told_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    house = start()
    caplog.set_level(logging.INFO, "porteiro.drift")
    house.deliver("zap", LEAD)
    first = house.deliver("zap", {**LEAD, "originLeadId": "2", "cupom": "segredo", "extraData": {"nota": [1]}})
    house.deliver("zap", {**LEAD, "originLeadId": "3", "cupom": "outro"})
    house.deliver("zap", b"{nothing")
    house.deliver("site", lead(1, cupom="forms are free"))
    house.deliver("zap", json.dumps({"id": "9", "lead": {}, "x": 1}).encode(), headers=b"x-porteiro-import: 1\r\n")
    house.run()
    house.deliver("zap", {**LEAD, "originLeadId": "4", "cupom": "outro", "nivel": 3})
    house.run()
    rows = house.rows("drift")
    assert [(row.source, row.field) for row in rows] == [
        ("grupo_olx", field) for field in ("cupom", "extraData.nota", "nivel")
    ]
    assert rows[0].delivery_id == first
    assert len(caplog.messages) == 3
    assert "segredo" not in caplog.text


def test_what_was_undone_is_told_again_a_minute_later(start: Start) -> None:
    house = start()
    for number, known in ((1, 1), (2, 0), (3, 1)):
        house.deliver("zap", {**LEAD, "originLeadId": str(number), "cupom": "x"})
        with counted(house.database) as statements:
            house.run("ingest")
        assert any("drift" in one for one in statements) == bool(known)
        with house.database.write() as tx:
            tx.execute(delete(TABLES["drift"]))
        house.clock.forward(seconds=31)

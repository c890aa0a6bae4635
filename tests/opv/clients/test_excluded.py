"""Brokers who are not to have a client are left out, whatever becomes of the client's row."""

from __future__ import annotations

from uuid import UUID

import pytest

from opv.clients.excluded import allow, exclude, excluded
from opv.data_subject.erasure import erase
from opv.data_subject.export import export_person
from schemas.data_subject import ErasureBody
from schemas.errors import Reject
from tests.opv.clients.test_involving import by
from tests.opv.clients.test_merge import merge, two
from tests.opv.conversion import viewer
from tests.pipeline import HOUSE, Pipeline, Start, lead


def put(house: Pipeline, client: UUID, broker: str, person: str = "rui") -> list[str]:
    items, _ = by(house, person, lambda tx, h, v: exclude(tx, h, v, house.clock(), client, broker))
    return [one.broker for one in items]


def take(house: Pipeline, client: UUID, broker: str, person: str = "rui") -> list[str]:
    items, _ = by(house, person, lambda tx, h, v: allow(tx, h, v, house.clock(), client, broker))
    return [one.broker for one in items]


def of(house: Pipeline, client: UUID, person: str = "rui") -> list[str]:
    return [one.broker for one in by(house, person, lambda tx, h, v: excluded(tx, h, v, client))]


def pairs(house: Pipeline) -> set[tuple[UUID, str]]:
    return {(row.client_id, row.broker) for row in house.rows("excluded_pairs")}


def test_distribution_leaves_the_broker_out(start: Start) -> None:
    house = start(HOUSE + "returning: {open: new, keep_broker_days: 180}\n")
    house.deliver("site", lead(1))
    house.run()
    (opv,) = house.opvs()
    assert put(house, opv.client_id, "ana", "paula") == put(house, opv.client_id, "ana") == ["ana"]
    assert house.history(opv.id)[-1] == ("client.broker_excluded", {"client": str(opv.client_id), "broker": "ana"})
    house.deliver("site", lead(1, id="again"))
    house.run()
    assert [row.broker for row in house.opvs()] == ["ana", "bia"], "the earlier broker keeps what it has, no more"
    assert (of(house, opv.client_id, "ana"), take(house, opv.client_id, "ana"), take(house, opv.client_id, "ana")) == (
        ["ana"], [], [],
    )  # fmt: skip
    assert house.kinds(opv.id)[-2:] == ["client.broker_excluded", "client.broker_allowed"]


def test_a_merge_carries_them_over(start: Start) -> None:
    house, one, other = two(start)
    put(house, one.client_id, "bia")
    for broker in ("ana", "bia"):
        put(house, other.client_id, broker)
    merge(house, one.client_id, other.client_id)
    assert pairs(house) == {(one.client_id, "ana"), (one.client_id, "bia")}


def test_an_export_tells_them_and_an_erasure_forgets_them(start: Start) -> None:
    house, one, other = two(start)
    put(house, one.client_id, "bia")
    put(house, other.client_id, "ana")
    record, _ = export_person(house.database, house.house(), viewer(house.house(), "rui"), house.clock, one.client_id)
    assert [(told.broker, told.by) for told in record.excluded_brokers] == [("bia", "rui")]
    body = ErasureBody(reason="a pedido", force=True)
    in_force = house.house()
    erase(house.database, in_force, viewer(in_force, "rui"), house.clock, lambda _file: None, one.client_id, body)
    assert pairs(house) == {(other.client_id, "ana")}


@pytest.mark.parametrize(
    ("person", "broker", "reason"),
    [
        ("ana", "ana", "not_allowed"),
        ("bia", "ana", "unknown_client"),
        ("marta", "ana", "unknown_client"),
        ("rui", "nobody", "unknown_broker"),
        ("rui", "paula", "unknown_broker"),
    ],
)
def test_refused(start_on_sqlite: Start, person: str, broker: str, reason: str) -> None:
    house = start_on_sqlite()
    house.deliver("site", lead(1))
    house.run()
    (opv,) = house.opvs()
    with pytest.raises(Reject) as no:
        put(house, opv.client_id, broker, person)
    assert (no.value.reason, pairs(house)) == (reason, set())

"""Two clients that are one person."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from db.ids import new_id
from db.queries.clients import history_of
from opv.access import viewer_of
from opv.clients.duplicates import duplicates
from opv.clients.merge import merge_clients
from schemas.client import Duplicate, Merged
from schemas.errors import Reject
from schemas.opv import HistoryFilters
from tests.opv.clients.test_involving import CPF, OTHER_CPF, add, by, change, client, keys, remove
from tests.opv.test_actions import everything
from tests.pipeline import TABLES, Pipeline, Start, drain, lead, limit_batches


def two(start: Start) -> tuple[Pipeline, Any, Any]:
    """Two OPVs of two clients: of ana, and of bia."""
    house = start()
    house.deliver("site", lead(1))
    house.run()
    house.deliver("site", lead(2, cpf=CPF))
    house.run()
    one, other = house.opvs()
    assert (one.broker, other.broker) == ("ana", "bia")
    return house, one, other


def merge(house: Pipeline, one: UUID, other: UUID, person: str = "rui", *, force: bool = False) -> Merged:
    merged = by(
        house, person, lambda tx, h, v: merge_clients(tx, h, v, house.clock(), one, other, force=force)[0]
    )  # fmt: skip
    assert isinstance(merged, Merged)
    return merged


def candidates(house: Pipeline, one: UUID, person: str = "rui") -> list[Duplicate]:
    found = by(house, person, lambda tx, h, v: duplicates(tx, h, v, one).items)
    assert isinstance(found, list)
    return found


def test_all_that_pointed_at_one_points_at_the_other(start: Start) -> None:
    house, one, other = two(start)
    stays, goes = one.client_id, other.client_id
    change(house, one.id, stays, details={"profession": "Pintora"})
    spouse = add(house, other.id, "spouse", person="bia", name="Davi Exemplo", spouse=goes)
    change(house, other.id, goes, person="bia", details={"profession": "Atriz", "rg": "9"})
    friend = add(house, one.id, "partner", client=goes, person="rui")
    assert friend == goes
    earlier = new_id()
    house.execute("DELETE FROM merge_suggestions")
    with house.database.write() as tx:
        for pair in ((stays, goes), (goes, spouse)):
            first, second = sorted(pair)
            tx.execute(
                TABLES["merge_suggestions"]
                .insert()
                .values(client_id=first, other_id=second, because="phone", created_at=house.clock())
            )
        tx.execute(
            TABLES["clients"]
            .insert()
            .values(id=earlier, kind="natural", phones="[]", emails="[]", created_at=house.clock(), merged_into=goes)
        )
        tx.execute(TABLES["attachments"].insert().values(
            id=new_id(), opportunity_id=other.id, client_id=goes, content_type="application/pdf", size=1,
            sha256=b"", added_by="bia", added_at=house.clock()))  # fmt: skip
    histories = {id_: house.history(id_) for id_ in (one.id, other.id)}
    merged = merge(house, stays, goes)
    assert (merged.client.id, merged.other, merged.opvs) == (stays, goes, sorted([one.id, other.id]))
    row, gone = client(house, stays), client(house, goes)
    assert (row.name, row.document, row.spouse_id) == ("Bruno Exemplo 1", "39053344705", spouse)
    assert json.loads(row.phones) == ["+5511980000001", "+5511980000002"]
    assert json.loads(row.details) == {"profession": "Pintora", "rg": "9"}
    assert (gone.name, gone.document) == ("Clara Exemplo 2", "39053344705")
    assert (gone.merged_into, gone.spouse_id) == (stays, None)
    assert (client(house, earlier).merged_into, client(house, spouse).spouse_id) == (stays, stays)
    for table, column in (
        ("contact_keys", "client_id"), ("involved_clients", "client_id"), ("opportunities", "client_id"),
        ("capture_origins", "client_id"), ("attachments", "client_id"), ("clients", "spouse_id"),
        ("merge_suggestions", "client_id"), ("merge_suggestions", "other_id"),
    ):  # fmt: skip
        assert not house.rows(table, **{column: goes}), (table, column)
    assert {(row.opportunity_id, row.role) for row in house.rows("involved_clients", client_id=stays)} == {
        (one.id, "buyer"), (other.id, "buyer"),
    }  # fmt: skip
    (pair,) = house.rows("merge_suggestions")
    assert {pair.client_id, pair.other_id} == {stays, spouse}
    for id_, before in histories.items():
        *kept, (kind, data) = house.history(id_)
        assert kept == before
        assert (kind, data) == ("clients.merged", {"client": str(stays), "other": str(goes), "conflicts": []})
    with house.database.read() as tx:
        told = [item.kind for item in history_of(tx, other.id, stays, HistoryFilters(), main=True).items]
    assert told == ["opv.created", "opv.captured", "client.added", "client.changed", "client.changed", "clients.merged"]
    house.deliver("blog", {"id": "b", "telefone": "11 98000-0002"})
    house.run()
    assert house.captures()[-1].client_id == stays


def test_candidates_are_suggested(start: Start) -> None:
    house, one, other = two(start)
    assert candidates(house, one.client_id) == []
    change(house, one.id, one.client_id, document=CPF)
    (found,) = candidates(house, one.client_id)
    assert (found.id, found.because, found.conflicts) == (other.client_id, ["document"], [])
    assert found.client is not None
    assert found.client.name == "Clara Exemplo 2"
    # Of a client of others' OPVs no more than that it is there.
    (hidden,) = candidates(house, one.client_id, "ana")
    assert (hidden.id, hidden.client) == (other.client_id, None)
    change(house, one.id, one.client_id, document=OTHER_CPF)
    (found,) = candidates(house, other.client_id)
    assert (found.id, found.conflicts) == (one.client_id, ["document"])
    merge(house, one.client_id, other.client_id, force=True)
    assert candidates(house, one.client_id) == []
    with pytest.raises(Reject) as refused:
        candidates(house, other.client_id)
    assert refused.value.reason == "client_merged"


def test_refusals_change_nothing(start: Start) -> None:
    house, one, other = two(start)
    stays, goes = one.client_id, other.client_id
    change(house, one.id, stays, document=OTHER_CPF)
    erased = add(house, one.id, "partner", name="Dora Exemplo")
    house.set("clients", {"erased_at": house.clock()}, id=erased)
    shared = add(house, one.id, "partner", person="rui", client=goes)
    assert shared == goes
    before = everything(house)
    for person, pair, reason in (
        ("rui", (stays, stays), "same_client"),
        ("rui", (stays, uuid4()), "unknown_client"),
        ("rui", (stays, erased), "client_erased"),
        ("bia", (stays, goes), "unknown_client"),
        ("marta", (stays, goes), "unknown_client"),
        ("ana", (stays, goes), "not_allowed"),  # bia's OPV is not hers
        ("rui", (stays, goes), "clients_differ"),
        ("paula", (goes, stays), "clients_differ"),
    ):
        with pytest.raises(Reject) as refused:
            merge(house, pair[0], pair[1], person)
        assert (refused.value.reason, everything(house) == before) == (reason, True), (person, reason)
    remove(house, one.id, goes, "rui")
    merge(house, stays, goes, "paula", force=True)
    assert client(house, stays).document == "52998224725"
    assert keys(house, stays) >= {"52998224725", "39053344705"}
    assert house.history(one.id)[-1][1]["conflicts"] == ["document"]
    with pytest.raises(Reject) as refused:
        merge(house, stays, goes)
    assert refused.value.reason == "client_merged"


def test_who_serves_both_may(start_on_sqlite: Start) -> None:
    house, one, other = two(start_on_sqlite)
    house.set("opportunities", {"broker": "ana"}, id=other.id)
    assert merge(house, other.client_id, one.client_id, "ana").client.id == other.client_id


def test_leads_that_arrive_meanwhile_are_of_the_one_that_stays(start_on_postgresql: Start) -> None:
    """Every lead brings a new e-mail, so that keys are made while they are moved."""
    house, one, other = two(start_on_postgresql)
    stays, goes = one.client_id, other.client_id
    for n in range(60):
        house.deliver_all([("site", lead(2, id=f"m{n}", email=f"m{n}@example.com"))])
    go, failures = threading.Barrier(3), []

    def ingest() -> None:
        woken: list[str] = []
        steps = house.new_steps(woken.append)
        limit_batches(steps, 1)
        go.wait()
        try:
            drain(steps, woken, "ingest")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ingest) for _ in range(2)]
    for thread in threads:
        thread.start()
    go.wait()
    merge(house, stays, goes)
    for thread in threads:
        thread.join()
    house.run()
    assert not failures
    assert house.delivered() == ["captured"] * 62
    assert not house.rows("contact_keys", client_id=goes)
    assert not house.rows("involved_clients", client_id=goes)
    assert {card.client_id for card in house.captures()} == {stays}
    with house.database.read() as tx:
        assert len(set(tx.execute(select(TABLES["opportunities"].c.client_id)).scalars())) == 1
    assert len(json.loads(client(house, stays).emails)) == 62


def test_a_merge_waits_for_a_lead_that_has_the_keys(start_on_postgresql: Start) -> None:
    """And a lead that waits for the merge finds the client that stays."""
    house, one, other = two(start_on_postgresql)
    viewer, house_ = viewer_of("rui", house.house()), house.house()
    assert viewer is not None
    house.deliver("site", lead(2, id="late", email="late@example.com"))
    ingested = threading.Thread(target=house.run)
    with house.database.write() as tx:
        merge_clients(tx, house_, viewer, house.clock(), one.client_id, other.client_id)
        ingested.start()
        ingested.join(0.5)
        assert ingested.is_alive()
    ingested.join()
    assert house.captures()[-1].client_id == one.client_id
    assert "late@example.com" in json.loads(client(house, one.client_id).emails)

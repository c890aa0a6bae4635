"""The log of reads: counted while a day lasts, sealed into the histories when it is over."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Connection, update

from db.queries.reads import note
from opv.reads import seal_some
from opv.verification import verify_all
from tests.pipeline import TABLES, Pipeline, Start, counted, lead
from tests.tampering import go_behind_the_triggers

READS = TABLES["personal_reads"]


@pytest.fixture
def house(start: Start) -> Pipeline:
    """Three OPVs."""
    house = start()
    house.deliver_all([("site", lead(n)) for n in (1, 2, 3)])
    house.run()
    return house


def read(house: Pipeline, person: str, what: str, *numbers: int) -> None:
    opvs = house.opvs()
    with house.database.single() as tx:
        note(tx, person, [(opvs[number - 1].id, what) for number in numbers], house.clock())


def seal(house: Pipeline) -> int:
    with house.database.write() as tx:
        return seal_some(tx, house.house(), house.clock())


def faults(tx: Connection) -> list[tuple[int | None, str]]:
    chunks = verify_all(lambda: nullcontext(tx))
    return [(number, fault.what) for chunk in chunks for number, fault in chunk.faults]


def test_a_days_reads_become_one_entry_of_each_opv(house: Pipeline) -> None:
    read(house, "paula", "opv", 1)
    read(house, "ana", "list", 1, 2, 2)
    house.clock.forward(hours=3)
    read(house, "ana", "list", 1)
    assert seal(house) == 0
    house.clock.now = datetime(2026, 9, 22, 0, 59, tzinfo=UTC)
    read(house, "ana", "opv", 3)
    assert seal(house) == 0
    house.clock.forward(minutes=2)
    assert (seal(house), seal(house)) == (2, 0)
    first, second, third = house.opvs()
    assert house.history(first.id)[-1] == (
        "personal_data.read",
        {
            "day": "2026-09-21",
            "reads": [
                {"person": "ana", "what": "list", "first_at": "2026-09-21T12:00:00.000000+00:00",
                 "last_at": "2026-09-21T15:00:00.000000+00:00", "times": 2},
                {"person": "paula", "what": "opv", "first_at": "2026-09-21T12:00:00.000000+00:00",
                 "last_at": "2026-09-21T12:00:00.000000+00:00", "times": 1},
            ],
        },
    )  # fmt: skip
    assert [one["person"] for one in house.history(second.id)[-1][1]["reads"]] == ["ana"]
    assert house.kinds(third.id)[-1] == "opv.assigned"
    assert {(row.day, row.sealed_seq) for row in house.rows("personal_reads")} == {
        (date(2026, 9, 21), first.history_seq), (date(2026, 9, 22), None),
    }  # fmt: skip
    with house.database.read() as tx:
        assert faults(tx) == []


def test_a_sealed_log_that_was_changed_is_found(house: Pipeline) -> None:
    read(house, "ana", "opv", 1, 2)
    house.clock.forward(days=1)
    seal(house)
    for values, words in (
        ({"person": "bia"}, ["the log of reads is not what was sealed"]),
        ({"sealed_seq": None}, ["the log of reads is not what was sealed"]),
        ({"sealed_seq": 1}, ["the log of reads is not what was sealed",
                             "the log of reads names an entry that does not seal it"]),
    ):  # fmt: skip
        with house.database.write() as tx:
            go_behind_the_triggers(tx)
            tx.execute(update(READS).where(READS.c.opportunity_id == house.opvs()[0].id).values(values))
            found = faults(tx)
            tx.rollback()
        assert found == [(1, what) for what in words]


def test_sealing_is_in_chunks_of_fixed_statements(house: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for numbers in ((1,), (1, 2, 3)):
        read(house, "ana", "opv", *numbers)
        house.clock.forward(days=1)
        with counted(house.database) as statements:
            seal(house)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    monkeypatch.setattr("opv.reads.SEALED_AT_ONCE", 2)
    for _ in range(2):
        read(house, "ana", "opv", 1, 2, 3)
        house.clock.forward(days=1)
    rounds = []
    while sealed := seal(house):
        rounds.append(sealed)
    assert rounds == [2, 1]
    assert [house.kinds(opv.id).count("personal_data.read") for opv in house.opvs()] == [4, 3, 3]


def test_a_read_does_not_wait_for_who_writes_to_the_opv(start_on_postgresql: Start) -> None:
    house = start_on_postgresql()
    house.deliver("site", lead(1))
    house.run()
    with house.database.write() as writer:
        writer.execute(update(TABLES["opportunities"]).values(stage="visit"))
        read(house, "ana", "opv", 1)
        writer.rollback()
    assert [row.times for row in house.rows("personal_reads")] == [1]


def test_many_readers_at_once_are_all_counted(house: Pipeline) -> None:
    failures: list[BaseException] = []

    def look() -> None:
        try:
            for _ in range(10):
                read(house, "ana", "list", 3, 1, 2)
                read(house, "ana", "opv", 2)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted((row.what, row.times) for row in house.rows("personal_reads")) == [
        ("list", 40), ("list", 40), ("list", 40), ("opv", 40),
    ]  # fmt: skip

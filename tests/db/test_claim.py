"""Claims: who takes which rows, alone or together, and until when."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from db.bulk import insert_rows
from db.claim import Claim, WorkList, claim, held
from db.ids import new_id
from db.models import Base, SubmissionState
from db.session import Database
from tests.db.test_bulk import submission

EVENTS = Base.metadata.tables["pending_events"]
SUBMISSIONS = Base.metadata.tables["submissions"]
NOW = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
WORK = WorkList(EVENTS, "id", batch=4, lease=LEASE, max_attempts=2)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, worker=True)
    yield database
    database.dispose()


def fill(database: Database, *due: float) -> list[UUID]:
    """Rows that are due so many seconds from now."""
    rows = [
        {
            "id": new_id(), "opportunity_id": new_id(), "seq": 1, "kind": "k", "stage": "s", "depth": 0, "chain": "",
            "at": NOW, "due_at": NOW + timedelta(seconds=seconds), "lease": None, "attempts": 0,
        }
        for seconds in due
    ]  # fmt: skip
    with database.write() as tx:
        insert_rows(tx, EVENTS, rows)
    return [row["id"] for row in rows]  # type: ignore[misc] # the row is of any columns


def take(database: Database, *, after: float = 0, tried: bool = False) -> Claim | None:
    with database.write() as tx:
        return claim(tx, WORK, NOW + timedelta(seconds=after), tried=tried)


def test_fresh_rows_are_taken_together_the_oldest_first(database: Database) -> None:
    ids = fill(database, -1, 1, -6, -5, -4, -3, -2)
    first, second = take(database), take(database)
    assert first is not None
    assert second is not None
    assert set(first.ids) == set(ids[2:6])
    assert set(second.ids) == {ids[0], ids[6]}
    assert (first.tried, first.exhausted) == (False, False)
    assert take(database) is None
    assert take(database, tried=True) is None
    later = take(database, after=1)
    assert later is not None
    assert list(later.ids) == [ids[1]]


def test_a_row_that_was_tried_is_taken_alone_and_given_up_in_the_end(database: Database) -> None:
    fill(database, -2, -1)
    assert take(database) is not None
    assert take(database, after=59, tried=True) is None
    assert take(database, after=61) is None
    claims = [take(database, after=after, tried=True) for after in (61, 61, 122, 122, 122)]
    found = [(len(one.ids), one.tried, one.exhausted) for one in claims if one]
    assert found == [(1, True, False), (1, True, False), (1, True, True), (1, True, True)]
    assert claims[4] is None


def test_a_lease_that_went_to_another_holds_nothing(database: Database) -> None:
    (id_,) = fill(database, -1)
    slept, woke = take(database), take(database, after=61, tried=True)
    assert slept is not None
    assert woke is not None
    with database.write() as tx:
        assert held(tx, WORK, slept.ids, slept.token) == []
        assert [(row.id, row.attempts) for row in held(tx, WORK, woke.ids, woke.token)] == [(id_, 2)]
        assert [row.attempts for row in held(tx, WORK, woke.ids, woke.token)] == [2]


def test_only_rows_in_the_lists_state_are_taken(database: Database) -> None:
    states = (SubmissionState.FETCH, SubmissionState.INGEST, SubmissionState.DONE)
    rows = [submission(None, state=state.value, due_at=NOW) for state in states]
    with database.write() as tx:
        insert_rows(tx, SUBMISSIONS, rows)
    ready = SUBMISSIONS.c.state == SubmissionState.INGEST.value
    with database.write() as tx:
        taken = claim(tx, WorkList(SUBMISSIONS, "id", 10, LEASE, 3, ready), NOW, tried=False)
    assert taken is not None
    assert list(taken.ids) == [rows[1]["id"]]


def test_concurrent_claims_share_the_rows(postgresql_url: str) -> None:
    database = Database(postgresql_url, worker=True)
    ids = fill(database, *(-n for n in range(100)))
    taken: list[UUID] = []
    sizes: list[int] = []

    def work() -> None:
        while True:
            with database.write() as tx:
                found = claim(tx, WORK, NOW, tried=False)
                if found is None:
                    return
                sizes.append(len(found.ids))
            taken.extend(found.ids)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(taken) == Counter(ids)
    assert max(sizes) <= WORK.batch
    database.dispose()


def test_a_claim_takes_no_more_than_its_batch_whatever_the_plan(postgresql_url: str) -> None:
    database = Database(postgresql_url, worker=True)
    fill(database, *(-n for n in range(600)))
    with database.write() as tx:
        tx.execute(update(EVENTS).values(attempts=1).where(EVENTS.c.due_at < NOW - timedelta(seconds=500)))
        for setting in ("enable_hashjoin", "enable_mergejoin", "enable_hashagg", "enable_sort", "enable_material"):
            tx.exec_driver_sql(f"SET LOCAL {setting} = off")
        found = claim(tx, WORK, NOW, tried=False)
    assert found is not None
    assert len(found.ids) == WORK.batch
    database.dispose()

"""Promise 8: a worker may die at any instruction, and a delivery that kills its worker is parked."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from db.session import Database
from tests.promises.deadly_worker import DEADLY
from tests.promises.house import PATIENCE, Installation, wait_until
from tests.promises.platforms import Burst

pytestmark = pytest.mark.services


@contextmanager
def stalled(database: Database, table: str) -> Iterator[None]:
    """Within it a worker waits in the middle of the transaction in which it wants to write to the table."""

    def somebody_waits() -> bool:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST(:table AS regclass)"
        with database.read() as tx:
            return bool(tx.execute(text(waiting), {"table": table}).scalar_one())

    with database.write() as tx:
        tx.execute(text(f"LOCK TABLE {table} IN SHARE MODE"))
        wait_until(somebody_waits, f"a worker writes to {table}", every=0.01)
        yield


def test_killed_workers_leave_nothing_undone_and_nothing_doubled(house: Installation) -> None:
    house.environment["PORTEIRO_CONCURRENCY"] = "2"
    _, worker, _ = house.start("web", "worker", "beat")
    leads = [house.platforms.lead("site", number) for number in range(500)]
    burst = Burst(house.platforms, leads, per_second=100).start()
    for table in ("clients", "assignments", "automation_runs"):
        with stalled(house.database, table):
            worker.kill()
        (worker,) = house.start("worker")
    wait_until(lambda: house.ledger.count("opportunities") > 250, "the work goes on", every=0.01)
    time.sleep(random.uniform(0, 0.1))  # noqa: S311 - a moment, no secret
    worker.kill()
    assert all(answer.accepted for answer in burst.wait())
    house.start("worker")
    # What dead workers held is tried again row by row: slow on a busy machine.
    wait_until(house.ledger.is_at_rest, "all is caught up", 2 * PATIENCE)
    house.ledger.assert_each_once([lead.external_id for lead in leads])


def test_a_delivery_that_kills_its_worker_is_parked_and_the_others_go_on(house: Installation) -> None:
    house.environment["PORTEIRO_LEASE_SECONDS"] = "1"
    leads = [house.platforms.lead("site", number) for number in range(60)]
    body = {"nome": "Zulmira Exemplo", "telefone": "(11) 98765-4321", "mensagem": DEADLY}
    deadly = leads[30]._replace(body=json.dumps(body).encode(), external_id="")
    house.start("web", "beat")
    answers = house.platforms.post_all([*leads[:30], deadly, *leads[30:]])
    assert all(answer.accepted for answer in answers)
    worker = house.spawn("worker", sys.executable, "-m", "tests.promises.deadly_worker")
    wait_until(house.ledger.is_at_rest, "all is processed or parked")
    assert house.ledger.outcomes() == {"captured": 60, "parked worker_killed": 1}
    assert house.ledger.delivered()["site", deadly.digest] == "parked worker_killed"
    house.ledger.assert_each_once([lead.external_id for lead in leads])
    assert worker.is_alive

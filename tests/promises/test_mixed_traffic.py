"""Promises 2, 3 and 4: a day of traffic from every source ends as it must, exactly. `make bench` sends more of it."""

from __future__ import annotations

import pytest

from bench.reckoning import differences, refused
from bench.senders import Senders
from bench.traffic import DENIED, Day
from porteiro.send import serve_api
from tests.promises.conftest import Install
from tests.promises.house import free_port, wait_until

pytestmark = pytest.mark.services

DELIVERIES = 2000


def test_a_day_of_mixed_traffic_ends_as_the_ground_truth_says(
    install: Install, postgresql_url: str, rabbitmq_url: str
) -> None:
    api = ("127.0.0.1", free_port())
    senders = Senders(f"http://127.0.0.1:{api[1]}")
    assert len(senders.channels) >= 20
    # Nothing dies here: a batch on a slow machine need not fear for its lease.
    house = install(postgresql_url, rabbitmq_url, PORTEIRO_LEASE_SECONDS="60", **senders.environment)
    (house.folder / "porteiro.yaml").write_text(senders.configuration(DENIED), encoding="utf-8")
    house.run("apply", "--yes")
    house.start("web", "worker", "worker", "beat")
    house.wait_for_workers(2)
    day = Day(DELIVERIES, senders)
    with serve_api(api, senders.answers):
        statuses = day.run(house.port, lambda: wait_until(house.ledger.is_at_rest, "all is processed"))
    assert statuses == day.truth.statuses
    with house.database.read() as tx:
        wait_until(lambda: refused(tx) == day.truth.refused, "refused requests are counted", 10)
        assert list(differences(tx, day.truth)) == []

"""The same with the other message brokers: Redis, and the embedded default as `porteiro up` runs it."""

from __future__ import annotations

import sys
import time

import psutil
import pytest

from tests.promises.conftest import Install
from tests.promises.house import ROOT, wait_until


@pytest.mark.services
def test_leads_are_captured_with_redis_as_message_broker(install: Install, postgresql_url: str, redis_url: str) -> None:
    house = install(postgresql_url, redis_url)
    house.start("web", "worker", "beat")
    leads = [house.platforms.lead("site", number) for number in range(200)]
    assert all(answer.accepted for answer in house.platforms.post_all(leads))
    wait_until(house.ledger.is_at_rest, "all is processed")
    house.ledger.assert_each_once([lead.external_id for lead in leads])


def test_the_embedded_default_captures_and_ends_within_10_s(install: Install) -> None:
    house = install("", "")
    up = house.spawn("up", sys.executable, "-m", "porteiro", "up", "--procfile", str(ROOT / "Procfile"))
    house.wait_for_web()
    leads = [house.platforms.lead("site", number) for number in range(100)]
    assert all(answer.accepted for answer in house.platforms.post_all(leads))
    wait_until(house.ledger.is_at_rest, "all is processed")
    house.ledger.assert_each_once([lead.external_id for lead in leads])
    family = up.tree()
    assert len(family) >= 5, "up, web, worker with its pool, beat"
    asked = time.monotonic()
    assert up.stop() == 0
    assert time.monotonic() - asked < 10
    assert psutil.wait_procs(family, timeout=1)[1] == []

"""Promise 1: a 2xx answer means that the request is on disk."""

from __future__ import annotations

import random
import time

import pytest

from tests.promises.house import Installation, wait_until
from tests.promises.platforms import Burst

pytestmark = pytest.mark.services

KILLS = 4


def wait_for_more(burst: Burst) -> None:
    seen = len(burst.accepted)
    wait_until(lambda: len(burst.accepted) > seen + 20, "deliveries are accepted", every=0.001)


def test_kill_of_web_right_after_a_2xx_loses_nothing(house: Installation) -> None:
    (web,) = house.start("web")
    leads = (house.platforms.lead("site", number) for number in range(100_000))
    burst = Burst(house.platforms, leads, per_second=200)
    burst.start()
    for _ in range(KILLS):
        wait_for_more(burst)
        time.sleep(random.uniform(0, 0.05))  # noqa: S311 - a moment, no secret
        web.kill()
        accepted = {sent.digest for sent in burst.accepted}
        assert accepted <= house.ledger.digests()
        (web,) = house.start("web")
    burst.stop()
    web.kill()
    accepted_ids = {sent.external_id for sent in burst.accepted}
    house.start("web", "worker")
    wait_until(house.ledger.is_at_rest, "all is processed")
    captured = {row[0] for row in house.ledger.rows("SELECT external_id FROM capture_origins")}
    assert accepted_ids <= captured
    house.ledger.assert_each_once(captured)

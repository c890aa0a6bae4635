"""Promise 8: the message broker may be stopped, hang, or lose one side of its connections, during 500 posts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests.promises.house import Installation, Supervised, wait_until
from tests.promises.platforms import Burst
from tests.promises.proxy import Proxy

pytestmark = pytest.mark.services

NORMAL = 3.0
"""Seconds in which a delivery is answered, whatever the message broker does: intake's own limit for a flush."""

Change = Callable[[Proxy], None]


def nothing(_proxy: Proxy) -> None:
    """What was lost stays lost."""


@pytest.fixture
def proxy(rabbitmq_url: str) -> Iterator[Proxy]:
    address = urlsplit(rabbitmq_url)
    proxy = Proxy(address.hostname or "127.0.0.1", address.port or 5672)
    yield proxy
    proxy.close()


@pytest.mark.parametrize(
    ("fails", "recovers"),
    [
        pytest.param(Proxy.refuse, Proxy.accept, id="stopped"),
        pytest.param(Proxy.silence, Proxy.resume, id="silent"),
        pytest.param(Proxy.drop_clients, nothing, id="broker-keeps-dead-connections"),
        pytest.param(Proxy.drop_broker, nothing, id="program-keeps-dead-connections"),
    ],
)
def test_500_posts_while_the_message_broker_fails(
    house: Installation, proxy: Proxy, rabbitmq_url: str, fails: Change, recovers: Change
) -> None:
    address = urlsplit(rabbitmq_url)
    place = f"{address.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
    house.environment["BROKER_URL"] = address._replace(netloc=place).geturl()
    leads = [house.platforms.lead("site", number) for number in range(502)]
    with Supervised(house, "web"), Supervised(house, "worker"), Supervised(house, "beat"):
        house.wait_for_web()
        answers = [house.platforms.post(leads[0])]
        wait_until(house.ledger.is_at_rest, "the worker works")
        burst = Burst(house.platforms, leads[1:501], per_second=100).start()
        wait_until(lambda: len(burst.answers) > 150, "posts are answered", every=0.01)
        fails(proxy)
        wait_until(lambda: len(burst.answers) > 350, "posts are answered", every=0.01)
        recovers(proxy)
        answers += burst.wait()
        wait_until(house.ledger.is_at_rest, "all is caught up")
        time.sleep(2)  # nothing is on its way any more: what comes now must be heard of anew
        answers.append(house.platforms.post(leads[501]))
        wait_until(house.ledger.is_at_rest, "the worker listens again")
    assert all(answer.accepted for answer in answers)
    assert max(answer.seconds for answer in answers) < NORMAL
    house.ledger.assert_each_once([lead.external_id for lead in leads])

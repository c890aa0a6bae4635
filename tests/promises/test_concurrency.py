"""Promises 3 and 4: what comes at the same instant is told apart, and the brokers' turns are exact."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.promises.house import BROKERS, Installation, wait_until
from tests.promises.platforms import CHANNELS, person

pytestmark = pytest.mark.services


def test_50_concurrent_posts_of_one_submission_are_captured_once(house: Installation) -> None:
    house.start("web", "worker", "worker")
    house.wait_for_workers(2)
    lead = house.platforms.lead("zap", 1)
    answers = house.platforms.post_together([lead] * 50)
    assert [answer.accepted for answer in answers] == [True] * 50
    wait_until(house.ledger.is_at_rest, "all is processed")
    assert house.ledger.outcomes() == {"captured": 1, "repeated": 49}
    house.ledger.assert_each_once([lead.external_id])


def test_50_concurrent_first_leads_of_one_person_are_one_client_and_one_opv(house: Installation) -> None:
    house.start("web", "worker", "worker")
    house.wait_for_workers(2)
    leads = [house.platforms.lead(list(CHANNELS)[n % 4], n, of=person(7)) for n in range(50)]
    answers = house.platforms.post_together(leads)
    assert all(answer.accepted for answer in answers)
    wait_until(house.ledger.is_at_rest, "all is processed")
    assert house.ledger.outcomes() == {"captured": 50}
    tables = ("clients", "opportunities", "assignments", "automation_runs", "outbound_messages")
    assert [house.ledger.count(table) for table in tables] == [1] * len(tables)
    cards = Counter(row[0] for row in house.ledger.rows("SELECT channel FROM capture_origins"))
    assert cards == Counter(lead.channel for lead in leads)
    house.ledger.assert_histories_verify()


def test_four_workers_give_1000_leads_to_seven_brokers_in_turn(house: Installation) -> None:
    house.start("web", "worker", "worker", "worker", "worker")
    house.wait_for_workers(4)
    leads = [house.platforms.lead("site", number) for number in range(1000)]
    assert all(answer.accepted for answer in house.platforms.post_all(leads))
    wait_until(house.ledger.is_at_rest, "all is processed")
    shares = Counter(row[0] for row in house.ledger.rows("SELECT broker FROM assignments"))
    assert shares.total() == 1000
    assert set(shares) == set(BROKERS)
    assert max(shares.values()) - min(shares.values()) <= 1
    house.ledger.assert_each_once([lead.external_id for lead in leads])

"""Promise 8: a lost wake-up costs seconds, a doubled one nothing; beat may be dead or doubled."""

from __future__ import annotations

import signal
import time

import pytest

from tests.promises.house import Installation, wait_until
from tests.promises.platforms import Burst

pytestmark = pytest.mark.services


def test_with_beat_dead_and_every_wake_up_lost_all_leads_are_assigned_within_15_s(house: Installation) -> None:
    _, worker, beat = house.start("web", "worker", "beat")
    leads = [house.platforms.lead("site", number) for number in range(301)]
    assert house.platforms.post(leads[0]).accepted
    wait_until(house.ledger.is_at_rest, "the worker works")
    beat.kill()
    with house.messages.lost(every=0.1):
        answers = Burst(house.platforms, leads[1:150], per_second=100).start().wait()
        worker.kill()
        answers += Burst(house.platforms, leads[150:], per_second=100).start().wait()
        last = time.monotonic()
        time.sleep(0.5)
    house.start("worker")
    assert all(answer.accepted for answer in answers)
    wait_until(lambda: not house.ledger.undistributed(), "all are assigned", seconds=15 - (time.monotonic() - last))
    wait_until(house.ledger.is_at_rest, "all is processed")
    house.ledger.assert_each_once([lead.external_id for lead in leads])


def test_two_workers_and_two_beats_of_one_host_live_and_double_nothing(house: Installation) -> None:
    processes = house.start("web", "worker", "worker", "beat", "beat")
    _, *workers, _, _ = processes
    house.wait_for_workers(2)
    leads = [house.platforms.lead("site", number) for number in range(300)]
    for half, (worker, other) in enumerate((workers, workers[::-1])):
        worker.signal(signal.SIGSTOP)
        answers = Burst(house.platforms, leads[half * 150 : half * 150 + 150], per_second=150).start().wait()
        assert all(answer.accepted for answer in answers)
        wait_until(lambda: not house.ledger.undistributed(), f"worker {2 - half} works alone")
        worker.signal(signal.SIGCONT)
        assert other.is_alive
    wait_until(house.ledger.is_at_rest, "all is processed")
    house.ledger.assert_each_once([lead.external_id for lead in leads])
    assert all(process.is_alive for process in processes)
    assert house.messages.consumers() == 2

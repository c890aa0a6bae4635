"""Promises 6 and 8: a scheduled run over thousands of OPVs does each once, though its worker is killed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.promises.house import PATIENCE, Installation, wait_until
from tests.promises.test_worker_deaths import stalled

pytestmark = pytest.mark.services

OPVS = 3000
MANY = f"""
INSERT INTO opportunities (id, client_id, funnel, stage, stage_seq, status, created_at, history_seq, history_head)
  SELECT gen_random_uuid(), gen_random_uuid(), 'sales', CASE WHEN mod(n, 10) = 0 THEN 'new' ELSE 'contacted' END, 1,
    'open', now(), 0, ''
  FROM generate_series(1, {OPVS}) AS n
"""


def goes_on(house: Installation) -> None:
    """Returns when more OPVs are done than were."""
    before = house.ledger.count("automation_runs")
    wait_until(lambda: house.ledger.count("automation_runs") > before, "the run goes on", every=0.01)


def test_a_scheduled_run_whose_worker_is_killed_twice_does_each_opv_once(house: Installation) -> None:
    path = house.folder / "porteiro.yaml"
    text = path.read_text(encoding="utf-8").rstrip().removesuffix("]")
    path.write_text(
        text + ',{key: daily, on: {cron: "0 3 1 1 *"}, when: {stage: contacted}, do: [{comment: Bom ano}]}]\n',
        encoding="utf-8",
    )
    house.run("apply", "--yes")
    house.ledger.execute(MANY)
    planned = datetime.now(UTC).replace(microsecond=0)
    house.ledger.execute(
        f"UPDATE schedules SET next_at = '{planned.isoformat()}', due_at = next_at - interval '1 year'"
    )
    house.start("web", "beat")
    (worker,) = house.start("worker")
    for _ in range(2):
        goes_on(house)
        with stalled(house.database, "automation_runs"):
            worker.kill()
        (worker,) = house.start("worker")
    wait_until(lambda: house.ledger.count("scheduled_runs") == 1, "the run is over", 2 * PATIENCE)
    matching = OPVS - OPVS // 10
    assert house.ledger.rows("SELECT result, seen, matched FROM scheduled_runs") == [("done", OPVS, matching)]
    once = "SELECT count(*), count(DISTINCT opportunity_id) FROM"
    occurrence = f"cron:{planned:%Y-%m-%dT%H:%M:%S}Z"
    runs = f"{once} automation_runs WHERE automation = 'daily' AND result = 'done' AND occurrence = '{occurrence}'"
    assert house.ledger.rows(runs) == [(matching, matching)]
    assert house.ledger.rows(f"{once} automation_runs") == [(matching, matching)]
    assert house.ledger.rows(f"{once} history_entries WHERE kind = 'comment.added'") == [(matching, matching)]

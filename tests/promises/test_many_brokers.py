"""8 workers, 20,000 leads, 500 brokers, some of whom pause and come back: every turn is whose turn it was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from random import Random

import pytest
from sqlalchemy import text

from tests.pipeline import HOUSE, NOW, Pipeline
from tests.promises.house import ROOT

LEADS, BROKERS, WORKERS = 20_000, 500, 8

KEYS = [f"b{n:03d}" for n in range(BROKERS)]

FILL = f"""
INSERT INTO opportunities
  (id, number, client_id, funnel, stage, stage_seq, status, created_at, history_seq, history_head)
  SELECT gen_random_uuid(), n, gen_random_uuid(), 'sales', 'new', 1, 'open', :now, 0, '\\x00'
  FROM generate_series(1, {LEADS}) AS n;
INSERT INTO distribution_work (opportunity_id, since, due_at)
  SELECT id, CAST(:now AS timestamptz) + number * interval '1 microsecond', :now FROM opportunities
"""


def big_house() -> str:
    people = "".join(f"  - {{key: {key}, name: {key}, role: broker}}\n" for key in KEYS)
    house = HOUSE.replace("teams: [{", f"{people}teams: [{{", 1)
    return house.replace("brokers: [ana, bia]", f"brokers: [{', '.join(KEYS)}]")


@pytest.mark.services
def test_turns_are_exact_whatever_workers_and_brokers_do(postgresql_url: str) -> None:
    house = Pipeline(postgresql_url, big_house())
    with house.database.write() as tx:
        for statement in FILL.split(";\n"):
            tx.execute(text(statement), {"now": NOW})
    command = [sys.executable, "-m", "tests.promises.distributing_worker", postgresql_url]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(WORKERS)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    random, paused = Random(20_000), set[str]()  # noqa: S311 - no secret
    while any(worker.poll() is None for worker in workers):
        toggle(house, paused, random.sample(KEYS, 20))
    done = [int(worker.communicate()[0]) for worker in workers]
    house.database.dispose()
    assert sum(done) == LEADS
    assert sum(rows > 0 for rows in done) == WORKERS
    compare(house)
    house.close()


def toggle(house: Pipeline, paused: set[str], keys: list[str]) -> None:
    """Those who paused come back, the others pause."""
    with house.database.write() as tx:
        for key in keys:
            if key in paused:
                tx.execute(text("DELETE FROM availability WHERE person = :key"), {"key": key})
            else:
                tx.execute(
                    text("INSERT INTO availability (person, state, since, by) VALUES (:key, 'paused', :now, 'test')"),
                    {"key": key, "now": NOW},
                )
            paused ^= {key}


def compare(house: Pipeline) -> None:
    """The same turns in the same order, by one who keeps a plain list: who was served longest ago and is not away."""
    assert {row.broker is not None for row in house.opvs()} == {True}
    assert not house.rows("distribution_work")
    members = {row.digest: dict(json.loads(row.members)) for row in house.rows("queue_snapshots")}
    assert len(members) > 10, "brokers came and went meanwhile"
    decisions = sorted(
        ((json.loads(row.explanation)["turn"], row.broker, row.snapshot) for row in house.decisions()),
        key=lambda decision: decision[0],
    )
    assert len({turn for turn, _, _ in decisions}) == len(decisions) == LEADS
    line, served = list(KEYS), Counter[str]()
    for _, broker, digest in decisions:
        away = members[digest]
        expected = next(key for key in line if away[key] is None)
        assert broker == expected
        line.remove(expected)
        line.append(expected)
        served[expected] += 1
    assert served == Counter({row.broker: row.served for row in house.rows("queue_members")})
    assert Counter(row.broker for row in house.rows("assignments")) == served

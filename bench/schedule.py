"""A scheduled automation over all OPVs of a house, by one worker process that is killed on its way."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import LiteralString

import psycopg

from bench.house import house, plain_url
from bench.report import Figure

KILLS = 2
LEASE = 5
"""Seconds until what a killed worker held is taken up; 60 where nobody says otherwise."""
SECONDS = 900

_HOUSE = """
people: [{key: rui, name: Rui Diretor, role: director}]
funnel: {stages: [{key: new, name: Novo lead}]}
automations:
  - {key: daily, on: {cron: "0 3 1 1 *"}, when: {stage: new}, do: [{comment: Bom ano}]}
"""
_OPVS = """
INSERT INTO opportunities (id, client_id, funnel, stage, stage_seq, status, created_at, history_seq, history_head)
  SELECT gen_random_uuid(), gen_random_uuid(), 'sales', 'new', 1, 'open', now(), 0, '' FROM generate_series(1, %s)
"""
_ONCE = """
SELECT count(*) FROM (
  SELECT o.id FROM opportunities o
    JOIN automation_runs r ON r.opportunity_id = o.id AND r.result = 'done'
    JOIN history_entries h ON h.opportunity_id = o.id AND h.kind = 'comment.added'
  GROUP BY o.id HAVING count(*) = 1
) AS once
"""


def measure(opvs: int) -> list[Figure]:
    """How many of so many OPVs were done once, of all; and how long that took, killed and not."""
    seconds, _ = _run(opvs, kills=0)
    killed, once = _run(opvs, kills=KILLS)
    what = f"cron over {opvs:,} OPVs, killed twice: OPVs done once, of all"
    note = f"{killed:.1f} s with {KILLS} kills and a lease of {LEASE} s, {seconds:.1f} s without"
    return [Figure(what, "OPVs", once, opvs, once / opvs, 1.0, note=f"{note}: {opvs / seconds:,.0f} OPVs/s")]


def _run(opvs: int, *, kills: int) -> tuple[float, int]:
    """Seconds from when the run was due until it was over, and how many OPVs were done once."""
    with house("cron", _HOUSE) as made, psycopg.connect(plain_url(made.url), autocommit=True) as connection:
        it = replace(made, env={**made.env, "PORTEIRO_LEASE_SECONDS": str(LEASE)})
        connection.execute(_OPVS, (opvs,))
        connection.execute("VACUUM ANALYZE")
        connection.execute("UPDATE schedules SET next_at = now(), due_at = now()")
        start = time.monotonic()
        with it.process("-m", "porteiro", "web", ready="/healthz"):
            for kill in range(1, kills + 1):
                with it.process("-m", "porteiro", "worker") as worker:
                    _await(connection, "SELECT max(seen) FROM schedules", opvs * kill // (kills + 1))
                    os.killpg(worker.pid, signal.SIGKILL)
            with it.process("-m", "porteiro", "worker"):
                _await(connection, "SELECT count(*) FROM scheduled_runs WHERE result = 'done'", 1)
        seconds = time.monotonic() - start
        return seconds, _figure(connection, _ONCE)


def _await(connection: psycopg.Connection, query: LiteralString, figure: int) -> None:
    until = time.monotonic() + SECONDS
    while _figure(connection, query) < figure:
        if time.monotonic() > until:
            raise SystemExit(f"{query} did not reach {figure} within {SECONDS} s")
        time.sleep(0.02)


def _figure(connection: psycopg.Connection, query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0

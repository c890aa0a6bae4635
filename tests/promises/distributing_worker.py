"""A worker that gives out leads until told to stop: `python -m tests.promises.distributing_worker DATABASE_URL`."""

from __future__ import annotations

import sys

from adapters.sources.registry import sources
from adapters.targets.log import LogTarget
from db.session import Database
from porteiro.configuration.houses import Houses
from tests.pipeline import NOW, AnySecret, Clock, NoNetwork, limit_batches
from workers.steps import Steps

BATCH = 50
"""Rows of a round: few, so that workers take turns at the queue often."""

if __name__ == "__main__":
    database = Database(sys.argv[1], worker=True)
    houses = Houses(sources(), AnySecret())
    steps = Steps(database, houses.current, Clock(NOW), NoNetwork(), {LogTarget.slug: LogTarget()}, lambda _: None)
    limit_batches(steps, BATCH)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    (step,) = steps._rounds["distribution"]
    done = 0
    while rows := step.round().done:
        done += rows
    sys.stdout.write(f"{done}\n")

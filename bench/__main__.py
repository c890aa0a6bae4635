"""`make bench`: runs what is asked for (all by default) and prints the table; exit code 1 when a figure is missed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bench import brokers, everything, growth, intake, mixed, pipeline, schedule, simulation, speed_to_lead
from bench.report import Figure, show

PARTS = (
    "intake", "pipeline", "speed-to-lead", "everything", "mixed", "brokers", "simulation", "cron", "growth", "memory",
)  # fmt: skip


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(PARTS)}; may be repeated.")] = None,
    quick: Annotated[bool, typer.Option(help="Shorter runs, rougher figures.")] = False,
) -> None:
    """Measures Porteiro on PostgreSQL and RabbitMQ, each figure beside its limit in the same run."""
    wanted = only or list(PARTS)
    figures: list[Figure] = []
    spent: dict[str, float] = {}
    if "intake" in wanted:
        figures += intake.measure(2 if quick else 5)
    if "pipeline" in wanted:
        found, spent = pipeline.measure(1500 if quick else 5000)
        figures += found
    if "speed-to-lead" in wanted:
        figures += speed_to_lead.measure(40 if quick else 200)
    if "everything" in wanted:
        figures += everything.measure(1500 if quick else 5000)
    if "mixed" in wanted:
        figures += mixed.measure(5000 if quick else 50_000)
    if "brokers" in wanted:
        figures += brokers.measure(4 if quick else 16)
    if "simulation" in wanted:
        figures += simulation.measure(10_000 if quick else 100_000)
    if "cron" in wanted:
        figures += schedule.measure(10_000 if quick else 100_000)
    if "growth" in wanted:
        figures += growth.measure(200_000 if quick else 1_000_000, 500 if quick else 1500)
    if "memory" in wanted:
        figures += growth.memory(*((2_000, 10_000) if quick else (10_000, 100_000)))
    show(figures)
    if spent:
        print("where the pipeline's time goes, µs a lead: " + ", ".join(f"{k} {v:.0f}" for k, v in spent.items()))
    sys.exit(0 if all(figure.reached for figure in figures) else 1)


if __name__ == "__main__":
    typer.run(main)

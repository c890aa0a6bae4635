"""Stages that a configuration has no more, and where their open OPVs go."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from db.queries.configuration import open_opvs_in
from schemas.config import Configuration, Funnel
from schemas.errors import Reject


def with_moves(configuration: Configuration, moves: Mapping[str, str]) -> Configuration:
    """The configuration with these entries of `moved` too, each in the funnel that the OPVs go to. Raises `Reject`
    (422): `stage_present`, `unknown_stage`."""
    stages = {one.key: one for one in configuration.stages}
    for old, new in moves.items():
        if old in stages:
            raise Reject("stage_present", f"{old} is a stage of the file, whose OPVs stay in it", 422)
        if new not in stages or not stages[new].active:
            there = ", ".join(key for key, one in stages.items() if one.active)
            raise Reject("unknown_stage", f"the OPVs of {old} cannot go to {new}; there is: {there}", 422)
    if not moves:
        return configuration

    def extended(funnel: Funnel) -> Funnel:
        kept = {old: new for old, new in funnel.moved.items() if old not in moves}
        keys = [stage.key for stage in funnel.stages]
        return funnel.model_copy(update={"moved": kept | {old: new for old, new in moves.items() if new in keys}})

    funnels = [extended(funnel) for funnel in configuration.funnels]
    return configuration.model_copy(update={"funnel": extended(configuration.funnel), "funnels": funnels})


def held(tx: Connection, before: Configuration | None, configuration: Configuration) -> dict[str, int]:
    """How many open OPVs there are in stages that the configuration drops without saying where they go, by stage; those
    too that one before dropped and that were not moved yet."""
    if before is None:
        return {}
    known = {one.key for one in configuration.stages} | _moved(configuration)
    return open_opvs_in(tx, ({one.key for one in before.stages} | _moved(before)) - known)


def refuse_held(tx: Connection, before: Configuration | None, configuration: Configuration) -> None:
    """Raises `Reject` (`stage_holds_opvs`, 409) while it is not said where OPVs go."""
    found = held(tx, before, configuration)
    if found:
        told = " and ".join(f"{stage} ({count} open)" for stage, count in found.items())
        entries = ", ".join(f"{stage}: STAGE" for stage in found)
        raise Reject(
            "stage_holds_opvs",
            f"OPVs are in {told}, not in the file any more; say where they go: `moved: {{{entries}}}` in the funnel, "
            f"or {' '.join(f'--move {stage}=STAGE' for stage in found)}",
            409,
        )


def _moved(configuration: Configuration) -> set[str]:
    return {old for funnel in configuration.all_funnels for old in funnel.moved}

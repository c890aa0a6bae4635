"""The funnel: every stage can be reached, and what a stage says does not contradict the others, or itself."""

from __future__ import annotations

from collections.abc import Sequence

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File, check_known


def check_funnel(file: File, report: Report) -> None:
    """Reports stages that no OPV comes to, moves that are never made, and options that take each other away."""
    stages = file.items("funnel.stages")
    for stage in stages:
        check_known(stage["allow"].each(), "funnel.stages", file, report)
        _check_moves(stage, stages, file, report)
        _check_options(stage, file, report)
    if stages and not _active(stages[0]):
        report.error(stages[0]["active"], "OPVs begin in the first stage: let another one be the first")
    elif stages:
        _check_reached(stages, file, report)
    for automation in file.items("automations"):
        for action in automation["do"].each():
            _check_entered(action["advance"], file, report)


def _check_moves(stage: Place, stages: Sequence[Place], file: File, report: Report) -> None:
    """Whether the moves that the stage allows can be made."""
    for place in stage["allow"].each():
        if place.text == stage["key"].text:
            report.error(place, "this is the stage itself: remove it")
            continue
        _check_entered(place, file, report)
        to = file.by_key["funnel.stages"].get(place.text or "")
        between = _skipped(stage, to, stages, file) if to is not None else []
        if between:
            report.error(place, f"`no_skip` refuses this: {' and '.join(between)} comes before; remove one of them")


def _check_entered(place: Place, file: File, report: Report) -> None:
    stage = file.by_key["funnel.stages"].get(place.text or "")
    if stage is not None and not _active(stage):
        report.error(place, f"`{place.text}` has `active: false` (line {stage.mark[0]}): no OPV enters it")


def _check_options(stage: Place, file: File, report: Report) -> None:
    movers, seers = ([one.text for one in stage[name].each()] for name in ("move", "see"))
    if stage["locked"].value is True and movers and "manager" not in movers:
        report.error(stage["move"], "the stage is `locked`, so that managers move OPVs out of it: add `manager`")
    if stage["kind"].text == "presales" and seers and "presales" not in seers:
        report.error(stage["see"], "the stage is of pre-sales, who see their OPVs in it: add `presales`")
    if not _active(stage) and stage["requires"].each():
        report.warn(stage["requires"], "no OPV enters the stage any more: this does nothing")
    if stage["hidden"].value is True and file.root["funnel"]["no_skip"].value is True:
        report.warn(stage["hidden"], "people are not offered the stage and may not skip it: automations alone go past")


def _check_reached(stages: Sequence[Place], file: File, report: Report) -> None:
    """Whether a way leads from the first stage to each of the others."""
    reached, waiting = {stages[0]["key"].text}, [stages[0]]
    while waiting:
        origin = waiting.pop()
        allowed = {place.text for place in origin["allow"].each()}
        for stage in stages:
            key = stage["key"].text
            open_ = _active(stage) and key not in reached and (not allowed or key in allowed)
            if open_ and not _skipped(origin, stage, stages, file):
                reached.add(key)
                waiting.append(stage)
    for stage in stages:
        key = stage["key"].text
        if key is not None and key not in reached and _active(stage):
            report.error(stage["key"], f"no OPV comes to `{key}`: name it in the `allow` of a stage before it")


def _skipped(origin: Place, to: Place, stages: Sequence[Place], file: File) -> list[str]:
    """Stages that `no_skip` has an OPV take in between."""
    if file.root["funnel"]["no_skip"].value is not True:
        return []
    places = list(stages)
    between = places[places.index(origin) + 1 : places.index(to)]
    return [stage["key"].text or "" for stage in between if _active(stage)]


def _active(stage: Place) -> bool:
    return stage["active"].value is not False

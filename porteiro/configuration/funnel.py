"""The funnels: every stage can be reached, and what a stage says does not contradict the others, or itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File, check_known, check_unique
from schemas.conditions import nearest
from schemas.config import Funnel

_MAIN = str(Funnel.model_fields["key"].default)
"""The key of `funnel` when none is written."""


def check_funnel(file: File, report: Report) -> None:
    """Reports funnels that are called alike or unknown, stages that no OPV comes to, moves that are never made, and
    options that take each other away."""
    _check_keys(file, report)
    for funnel in file.funnels:
        stages = funnel["stages"].each()
        for stage in stages:
            check_known(stage["allow"].each(), "funnel.stages", file, report)
            check_unique(stage["statuses"].each(), "status", report)
            _check_moves(stage, funnel, file, report)
            _check_options(stage, funnel, report)
        if stages and not _active(stages[0]):
            report.error(stages[0]["active"], "OPVs begin in the first stage: let another one be the first")
    _check_reached(file, report)
    _check_moved(file, report)
    for automation in file.items("automations"):
        for action in _actions(automation["do"]):
            _check_entered(action["advance"], file, report)
            _check_entered(action["move"], file, report)
            _check_status(action["status"], file, report)


def _check_keys(file: File, report: Report) -> None:
    """Whether each funnel has a key of its own, and developments name such a key."""
    main, *others = file.funnels
    known = [main["key"].text or _MAIN, *file.by_key["funnels"]]
    for funnel in others:
        key = funnel["key"]
        if key.text is None:
            report.error(funnel, "a further funnel has a key of its own: write `key: …`")
        elif key.text == known[0]:
            report.error(key, f"`funnel` on line {main.mark[0]} is called `{key.text}` already: take another key")
    for development in file.items("developments"):
        named = development["funnel"]
        if named.text is not None and named.text not in known:
            report.error(named, f"there is no funnel `{named.text}`, {nearest(named.text, known)}")


def _check_moves(stage: Place, funnel: Place, file: File, report: Report) -> None:
    """Whether the moves that the stage allows can be made."""
    for place in stage["allow"].each():
        if place.text == stage["key"].text:
            report.error(place, "this is the stage itself: remove it")
            continue
        _check_entered(place, file, report)
        to = file.by_key["funnel.stages"].get(place.text or "")
        between = _skipped(stage, to, funnel) if to is not None else []
        if between:
            report.error(place, f"`no_skip` refuses this: {' and '.join(between)} comes before; remove one of them")


def _check_entered(place: Place, file: File, report: Report) -> None:
    stage = file.by_key["funnel.stages"].get(place.text or "")
    if stage is not None and not _active(stage):
        report.error(place, f"`{place.text}` has `active: false` (line {stage.mark[0]}): no OPV enters it")


def _check_status(place: Place, file: File, report: Report) -> None:
    """Whether a stage has the status that an automation gives, and uses it."""
    if place.text is None:
        return
    statuses = [status for stage in file.items("funnel.stages") for status in stage["statuses"].each()]
    found = [status for status in statuses if status["key"].text == place.text]
    if not found:
        keys = dict.fromkeys(status["key"].text or "" for status in statuses)
        report.error(place, f"no stage has a status `{place.text}`, {nearest(place.text, keys)}")
    elif not any(map(_active, found)):
        report.error(place, f"`{place.text}` has `active: false` (line {found[0].mark[0]}): no OPV is given it")


def _check_options(stage: Place, funnel: Place, report: Report) -> None:
    movers, seers = ([one.text for one in stage[name].each()] for name in ("move", "see"))
    if stage["locked"].value is True and movers and "manager" not in movers:
        report.error(stage["move"], "the stage is `locked`, so that managers move OPVs out of it: add `manager`")
    if stage["kind"].text == "presales" and seers and "presales" not in seers:
        report.error(stage["see"], "the stage is of pre-sales, who see their OPVs in it: add `presales`")
    if not _active(stage) and stage["requires"].each():
        report.warn(stage["requires"], "no OPV enters the stage any more: this does nothing")
    if stage["hidden"].value is True and funnel["no_skip"].value is True:
        report.warn(stage["hidden"], "people are not offered the stage and may not skip it: automations alone go past")


def _check_reached(file: File, report: Report) -> None:
    """Whether a way leads to each stage: from the first of a funnel in which OPVs begin, or from another funnel."""
    main, *others = file.funnels
    named = {development["funnel"].text for development in file.items("developments")}
    begun = [main, *(funnel for funnel in others if funnel["key"].text in named)]
    waiting = [funnel["stages"].each()[0] for funnel in begun if funnel["stages"].each()]
    if not all(map(_active, waiting)):
        return
    reached = {stage["key"].text for stage in waiting}
    while waiting:
        origin = waiting.pop()
        allowed = {place.text for place in origin["allow"].each()}
        funnel = next(one for one in file.funnels if one.path == origin.path[:-2])
        for stage in file.items("funnel.stages") if allowed else funnel["stages"].each():
            key = stage["key"].text
            open_ = _active(stage) and key not in reached and (not allowed or key in allowed)
            if open_ and not _skipped(origin, stage, funnel):
                reached.add(key)
                waiting.append(stage)
    for funnel in file.funnels:
        keys = [stage["key"] for stage in funnel["stages"].each() if _active(stage) and stage["key"].text is not None]
        lost = [key for key in keys if key.text not in reached]
        if lost == keys and funnel is not main:
            report.warn(funnel, "no OPV comes to this funnel: name it at a development, as `funnel: …`")
            continue
        for place in lost:
            report.error(place, f"no OPV comes to `{place.text}`: name it in the `allow` of a stage before it")


def _check_moved(file: File, report: Report) -> None:
    """Whether `moved` leads from stages that are gone to stages that are there, each once."""
    stages = file.by_key["funnel.stages"]
    first: dict[str, Place] = {}
    for funnel in file.funnels:
        for old, new in funnel["moved"].entries().items():
            if old in stages:
                line = stages[old].mark[0]
                report.error(new, f"`{old}` is a stage (line {line}), whose OPVs stay: remove one", at_key=True)
            if first.setdefault(old, new) is not new:
                report.error(new, f"line {first[old].mark[0]} says already where `{old}` goes: remove one", at_key=True)
            if new.text is not None and new.text not in stages:
                report.error(new, f"there is no stage `{new.text}`, {nearest(new.text, stages)}")
            _check_entered(new, file, report)


def _skipped(origin: Place, to: Place, funnel: Place) -> Sequence[str]:
    """Stages that `no_skip` has an OPV take in between, in the origin's funnel; into another one there are none."""
    stages = funnel["stages"].each()
    if funnel["no_skip"].value is not True or to not in stages:
        return ()
    between = stages[stages.index(origin) + 1 : stages.index(to)]
    return [stage["key"].text or "" for stage in between if _active(stage)]


def _actions(do: Place) -> Iterator[Place]:
    """The actions, those of branches too."""
    for action in do.each():
        yield action
        for way in ("then", "else"):
            yield from _actions(action["branch"][way])


def _active(one: Place) -> bool:
    return one["active"].value is not False

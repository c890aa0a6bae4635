"""The way that automations go: actions that are never come to or do nothing, and automations that go round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from porteiro.configuration.automations import (
    actions_in,
    each_action,
    given_by,
    name_at,
    texts_of,
    trigger_of,
    ways_of,
)
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File, check_known

Calls = Mapping[str, Sequence[Place]]
"""Of each automation: where it runs others."""


def check_flow(file: File, report: Report) -> None:
    """Reports what is never come to, does nothing, or goes round."""
    automations = file.items("automations")
    for automation in automations:
        _check_list(automation["do"], report, followed=False)
        _check_forward(automation, file, report)
    _check_calls(automations, file, report)
    _check_back_and_forth(automations, file, report)


def _check_list(listed: Place, report: Report, *, followed: bool) -> None:
    """`followed`: actions come after the list, which is a branch's."""
    actions = actions_in(listed)
    for index, action in enumerate(actions):
        later = actions[index + 1 :]
        name = name_at(action)
        if name == "stop" and later:
            report.warn(later[0], "never done: `stop` before it ends the run")
            return
        if name == "wait" and not later and not followed:
            report.warn(action["wait"], "nothing is done after it: the wait does nothing")
        for way in ways_of(action):
            _check_list(way, report, followed=followed or bool(later))


def _check_forward(automation: Place, file: File, report: Report) -> None:
    """Whether `advance` leads on from the stage in which the OPV is when it runs, until something may have moved it."""
    stages = given_by(automation, file).get("stage") or texts_of(automation["when"]["stage"])
    for action in each_action(automation):
        if name_at(action) in ("move", "wait", "run"):
            return
        to = action["advance"]
        if to.text is not None and stages and all(_leads_back(stage, to.text, file) for stage in stages):
            named = " or ".join(f"`{stage}`" for stage in stages)
            report.warn(to, f"the OPV is in {named} then, and `advance` never goes back: write `move`")


def _leads_back(origin: str, to: str, file: File) -> bool:
    """Whether a stage is the other one, or before it in the same funnel."""
    stages = file.by_key["funnel.stages"]
    if origin not in stages or to not in stages:
        return False
    (*funnel, from_), (*same, onto) = stages[origin].path, stages[to].path
    return funnel == same and int(onto) <= int(from_)


def _check_calls(automations: Sequence[Place], file: File, report: Report) -> None:
    """Whether what is run is there, is not run by itself in the end, and what waits to be run is."""
    calls: dict[str, list[Place]] = {}
    for automation in automations:
        runs = [action["run"] for action in each_action(automation) if action["run"].text is not None]
        calls[automation["key"].text or ""] = runs
        for run in runs:
            check_known([run], "automations", file, report)
            other = file.by_key["automations"].get(run.text or "")
            if other is not None and other["active"].value is False:
                report.warn(run, f"`{run.text}` has `active: false` (line {other.mark[0]}): it is not run")
    named = {run.text for runs in calls.values() for run in runs}
    told: set[str] = set()
    for automation in automations:
        key = automation["key"].text or ""
        if trigger_of(automation) == "called" and key not in named:
            report.warn(automation["on"], f"no automation runs it: write `run: {key}` in one")
        circle = _circle(key, calls)
        if circle and not told & {run.text for run in circle}:
            told.update(run.text or "" for run in circle)
            way = " → ".join(f"`{one}`" for one in (key, *(run.text for run in circle)))
            report.error(circle[0], f"it runs itself in the end, {way}: take one `run` out")


def _circle(start: str, calls: Calls) -> tuple[Place, ...]:
    """The shortest way of `run`s from an automation back to itself; empty when there is none."""
    ways: dict[str, tuple[Place, ...]] = {start: ()}
    waiting = [start]
    for key in waiting:
        for run in calls.get(key, ()):
            way = (*ways[key], run)
            if run.text == start:
                return way
            if run.text is not None and run.text not in ways:
                ways[run.text] = way
                waiting.append(run.text)
    return ()


def _check_back_and_forth(automations: Sequence[Place], file: File, report: Report) -> None:
    """Two that move every OPV that enters a stage into another one, and back."""
    moves: dict[tuple[str, str], Place] = {}
    for automation in automations:
        to = _first_move(automation)
        if to is None or automation["active"].value is False:
            continue
        for origin in _entered(automation):
            if to.path[-1] == "advance" and _leads_back(origin, to.text or "", file):
                continue
            back = moves.get((to.text or "", origin))
            if back is not None:
                line = back.mark[0]
                report.warn(to, f"line {line} moves it back to `{origin}`, without end: ask for something in `when`")
            moves.setdefault((origin, to.text or ""), to)


def _first_move(automation: Place) -> Place | None:
    """Where it moves every OPV that it runs for."""
    for action in actions_in(automation["do"]):
        name = name_at(action)
        if name in ("move", "advance"):
            return action[name]
        if name in ("wait", "branch", "stop", "run"):
            return None
    return None


def _entered(automation: Place) -> list[str]:
    """The stages of which it runs for every OPV that enters."""
    on, when = automation["on"], automation["when"].entries()
    if on.text == "stage.changed" and set(when) == {"stage"}:
        return texts_of(when["stage"])
    if on["changed"].text == "stage" and on.child("from") is None and not when:
        return texts_of(on["to"])
    return []

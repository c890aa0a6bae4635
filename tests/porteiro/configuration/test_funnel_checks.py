"""The funnel in the file: what cannot be, or does nothing, is told with its line."""

from __future__ import annotations

import pytest

from adapters.sources.registry import sources
from porteiro.configuration.load import load

RIGHT = """people: [{key: paula, name: Paula, role: manager}]
funnel:
  no_skip: true
  stages:
    - {key: qualify, name: Pré, kind: presales, see: [presales, manager], allow: [new]}
    - {key: new, name: Novo, color: "#1a7f37", leave_requires: [phone], sla: {warn: 1 business day}}
    - {key: old, name: Antiga, active: false}
    - {key: visit, name: Visita, allow: [new, signed], move: [broker, manager], locked: true}
    - {key: signed, name: Assinada, see: [manager], move: [broker]}
"""


def problems(text: str) -> list[str]:
    _, found = load(text, "x", sources(), {})
    return [str(problem).removeprefix("x:") for problem in found]


def test_a_right_funnel_is_right() -> None:
    assert problems(RIGHT) == []


@pytest.mark.parametrize(
    ("now", "wrong", "told"),
    [
        (
            "[new, signed]",
            "[new, sold]",
            "8:47: funnel.stages[3].allow[1]: there is no stage `sold`, did you mean `old`?",
        ),
        ("[new, signed]", "[new]", "9:13: funnel.stages[4].key: no OPV comes to `signed`: name it in the `allow` of a"),
        ("[new, signed]", "[visit]", "8:42: funnel.stages[3].allow[0]: this is the stage itself: remove it"),
        (
            "[new, signed]",
            "[old]",
            "8:42: funnel.stages[3].allow[0]: `old` has `active: false` (line 7): no OPV enters",
        ),
        ("allow: [new]", "allow: [visit]", "5:83: funnel.stages[0].allow[0]: `no_skip` refuses this: new comes before"),
        ("kind: presales", "active: false", "5:41: funnel.stages[0].active: OPVs begin in the first stage"),
        ("move: [broker, manager]", "move: [broker]", "8:62: funnel.stages[3].move: the stage is `locked`, so that"),
        ("see: [presales, manager]", "see: [broker]", "5:54: funnel.stages[0].see: the stage is of pre-sales, who"),
        (
            "active: false",
            "active: false, requires: [phone]",
            "7:57: warning: funnel.stages[2].requires: no OPV enters",
        ),
        ("locked: true", "hidden: true", "8:89: warning: funnel.stages[3].hidden: people are not offered the stage"),
        ("#1a7f37", "green", '6:37: funnel.stages[1].color: write a colour, as `"#1a7f37"`'),
        ("1 business day", "soon", "6:85: funnel.stages[1].sla.warn: `soon`"),
        (
            "see: [manager]",
            "see: [director]",
            "9:43: funnel.stages[4].see[0]: `director` is unknown, known: `presales`",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(now: str, wrong: str, told: str) -> None:
    assert RIGHT.count(now) == 1
    found = problems(RIGHT.replace(now, wrong))
    assert any(one.startswith(told) for one in found), found


TWO = """developments: [{key: sol, name: Sol, funnel: rent}]
funnel: {key: sale, stages: [{key: new, name: Novo, allow: [asked]}], moved: {old: new}}
funnels:
  - {key: rent, name: Locação, stages: [{key: asked, name: Pedido, statuses: [{key: hot, name: Quente}]}]}
automations: [{key: a, on: opv.assigned, do: [{branch: {if: {stage: asked}, then: [{status: hot}]}}]}]
"""


def test_right_funnels_are_right() -> None:
    assert problems(TWO) == []


@pytest.mark.parametrize(
    ("now", "wrong", "told"),
    [
        ("key: rent, ", "key: sale, ", "4:11: funnels[0].key: `funnel` on line 2 is called `sale` already"),
        ("key: rent, ", "", "4:5: funnels[0]: a further funnel has a key of its own"),
        ("funnel: rent", "funnel: rend", "1:46: developments[0].funnel: there is no funnel `rend`, did"),
        (", funnel: rent", ", funnel: sale", ""),
        (", allow: [asked]", ", allow: [ask]", "2:61: funnel.stages[0].allow[0]: there is no stage `ask`"),
        ("key: asked", "key: new", "4:47: funnels[0].stages[0].key: the stage on line 2 is called `new` already"),
        ("[{key: asked, name: Pedido, statuses: [{key: hot, name: Quente}]}]", "[]", "4:40: funnels[0].stages"),
        ("old: new", "new: new", "2:79: funnel.moved.new: `new` is a stage (line 2), whose OPVs stay"),
        ("old: new", "old: news", "2:84: funnel.moved.old: there is no stage `news`"),
        ("Quente}", "Quente, active: false}", "5:93: automations[0].do[0].branch.then[0].status: `hot` has"),
        ("status: hot", "status: hod", "5:93: automations[0].do[0].branch.then[0].status: no stage has"),
        ("Quente}", "Quente}, {key: hot, name: Q}", "4:111: funnels[0].stages[0].statuses[1].key: the status on"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_several_funnels_is_told_with_its_line(now: str, wrong: str, told: str) -> None:
    assert TWO.count(now) == 1
    found = problems(TWO.replace(now, wrong))
    assert any(one.startswith(told) for one in found) if told else found == [], found


def test_a_funnel_that_no_opv_comes_to_is_warned_of() -> None:
    (told,) = problems(TWO.replace(", funnel: rent", "").replace(", allow: [asked]", ""))
    assert told.startswith("4:5: warning: funnels[0]: no OPV comes to this funnel: name it at a development")


def test_an_automation_does_not_advance_into_a_stage_that_is_out_of_use() -> None:
    (told,) = problems(RIGHT + "automations: [{key: a, on: opv.assigned, do: [{advance: old}]}]\n")
    assert told == "10:57: automations[0].do[0].advance: `old` has `active: false` (line 7): no OPV enters it"

"""Automations in the file: what cannot be, or does nothing, is told with its line."""

from __future__ import annotations

import pytest

from adapters.sources.registry import sources
from porteiro.configuration.automations import each_action, name_at
from porteiro.configuration.document import read_document
from porteiro.configuration.load import load

HOUSE = """people:
  - {key: paula, name: Paula, role: manager}
  - {key: marta, name: Marta, role: manager}
  - {key: ana, name: Ana, role: broker}
  - {key: leo, name: Leo, role: broker, active: false}
teams:
  - {key: sul, name: Sul, managers: [{person: paula, brokers: [ana]}, {person: marta, brokers: [leo]}]}
funnel:
  stages:
    - {key: new, name: Novo, statuses: [{key: fresh, name: Novo}]}
    - {key: old, name: Antiga, active: false}
    - {key: visit, name: Visita}
    - {key: signed, name: Assinada}
tags: [{key: vip, name: VIP}]
fields: [{key: interest, name: Interesse}]
queues: [{key: sul, brokers: [ana]}]
distribution: {rules: [{key: any, queue: sul}, {key: own, when: {city: Rio}, queue: {brokers: [ana]}}]}
withdrawal_reasons: [{key: silent, name: Sem resposta, automatic: true}]
automations:
"""
FIRST = HOUSE.count("\n") + 1
"""The line of the first automation."""


def problems(*automations: str) -> list[str]:
    """What is said of automations, with the lines counted from the first of them."""
    lines = "".join(f"  - {{key: {key}, {one}}}\n" for key, one in zip("abcd", automations, strict=False))
    found = [problem for problem in load(HOUSE + lines, "x", sources(), {})[1] if problem.line >= FIRST]
    return [f"{problem.line - FIRST}: {str(problem).partition(': ')[2]}" for problem in found]


@pytest.mark.parametrize(
    "right",
    [
        "on: opv.assigned, do: [{advance: visit}, {notify: {to: [broker, ops, ana]}}, {assign: ana}, {pool: own}]",
        "on: {in_stage: new, status: fresh, for: 1 day}, when: {stage: new, outcome: open}, do: [{move: new}, stop]",
        "on: {changed: interest}, when: {event.field: interest, status: fresh}, do: [{comment: Mudou}]",
        "on: {changed: stage, from: new, to: visit}, do: [{wait: {for: 1 day, if: {captures: 1}}}, withdraw]",
        "on: opv.won, when: {event.unit: {exists: true}}, do: [{branch: {if: {price: 1}, then: [stop]}}, {tag: vip}]",
        "on: opv.returned, when: {count.opv.returned.3d: {gte: 2}}, do: [{redistribute: {by: own}}]",
        "on: opv.created, when: {hours_since.comment.added: {lt: 2}}, do: [{assign: {team: sul, manager: paula}}]",
    ],
)
def test_what_is_right_is_right(right: str) -> None:
    assert problems(right) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            "on: {in_stage: nwe, for: 1 day}, do: [withdraw]",
            "0: automations[0].on.in_stage: there is no stage `nwe`, did you mean `new`?",
        ),
        (
            "on: {in_stage: old, for: 1 day}, do: [withdraw]",
            "0: warning: automations[0].on.in_stage: `old` has `active: false` (line 11): no OPV enters it, so "
            "that none waits",
        ),
        (
            "on: {in_stage: new, status: frsh, for: 1 day}, do: [withdraw]",
            "0: automations[0].on.status: `new` has no status `frsh`, did you mean `fresh`?",
        ),
        (
            "on: {changed: intrest}, do: [withdraw]",
            "0: automations[0].on.changed: an OPV has no field `intrest`, did you mean `interest`?",
        ),
        (
            "on: {changed: stage, to: [visit, sold]}, do: [withdraw]",
            "0: automations[0].on.to[1]: there is no stage `sold`, did you mean `old`?",
        ),
        (
            "on: {in_stag: new, for: 1 day}, do: [withdraw]",
            "0: automations[0].on.in_stag: unknown trigger `in_stag`, did you mean `in_stage`?",
        ),
        (
            "on: {in_stage: new, for: 1 day, called: true}, do: [withdraw]",
            "0: automations[0].on.called: a second trigger: an automation has one, write another automation for "
            "`called`",
        ),
        (
            "on: [opv.won], do: [stop]",
            "0: automations[0].on: write what makes it run, for example `opv.assigned` or "
            "`{in_stage: contacted, for: 3 business days}`, not a list",
        ),
        (
            "on: opv.assigned, do: [{wait: 3 dias}, stop]",
            "0: automations[0].do[0].wait: `3 dias` is no duration: write for example `30 minutes`, `2 hours`, "
            "`3 business days`",
        ),
        (
            "on: opv.assigned, do: [{wait: [1]}, stop]",
            "0: automations[0].do[0].wait: write text or a mapping, for example `{key: value}`, not a list",
        ),
        (
            "on: opv.assigned, do: [stop], rate: {max: 3, per: 2 business hours}",
            "0: automations[0].rate.per: `2 business hours` cannot be waited for here: write at least a minute, for "
            "example `1 hour`, `2 days`",
        ),
        (
            "on: {in_stage: new, for: 1 day}, when: {stage: visit}, do: [withdraw]",
            "0: automations[0].when.stage: this never holds: `in_stage` has it run when `stage` is `new`",
        ),
        (
            "on: {changed: stage, to: [visit, signed]}, when: {any: [{stage: new}, {stage: old}]}, do: [withdraw]",
            "0: automations[0].when: this never holds: `changed` has it run when `stage` is `visit` or `signed`",
        ),
        (
            "on: {in_stage: new, for: 1 day}, when: {outcome: lost}, do: [withdraw]",
            "0: automations[0].when.outcome: this never holds: `in_stage` has it run when `outcome` is `open`",
        ),
        (
            "on: {in_stage: new, for: 1 day}, when: {not: {event.contact: visit}}, do: [withdraw]",
            "0: automations[0].when.not.event.contact: `event.contact` is not known here: an entry of the history says "
            "it, and none makes `in_stage` run",
        ),
        (
            "on: contact.added, do: [{branch: {if: {event.contact: visit}, then: [withdraw]}}]",
            "0: automations[0].do[0].branch.if.event.contact: `event.contact` is not known any more: ask for it in "
            "`when`",
        ),
        (
            "on: contact.added, do: [{branch: {if: {brker: ana}, then: [stop]}}]",
            "0: automations[0].do[0].branch.if.brker: unknown fact `brker`, did you mean `broker`?",
        ),
        (
            "on: contact.added, do: [{branch: {if: {price: 1}, then: [{wait: {for: 1 h, if: {broker: anna}}}, stop]}}]",
            "0: automations[0].do[0].branch.then[0].wait.if.broker: there is no broker `anna`, did you mean `ana`?",
        ),
        (
            "on: contact.added, when: {count.contact.addd.3d: 0}, do: [withdraw]",
            "0: automations[0].when.count.contact.addd.3d: unknown kind of history `contact.addd`, did you mean "
            "`contact.added`?",
        ),
        (
            "on: contact.added, when: {hours_since.visit.done: {gt: 2}}, do: [withdraw]",
            "0: automations[0].when.hours_since.visit.done: unknown kind of history `visit.done`, it is one of some "
            "`contact.added`",
        ),
        (
            "on: contact.added, when: {count.comment.added: often}, do: [withdraw]",
            "0: automations[0].when.count.comment.added: `count.comment.added` takes a number",
        ),
        (
            "on: contact.added, when: {count.comment.added: {gte: 3, lt: 3}}, do: [withdraw]",
            "0: automations[0].when.count.comment.added: this never holds: what is asked of `count.comment.added` "
            "excludes itself",
        ),
        (
            "on: contact.added, when: {first_contact: sim}, do: [withdraw]",
            "0: automations[0].when.first_contact: `first_contact` takes true or false",
        ),
        (
            "on: opv.won, do: [{comment: Vendida}, {branch: {if: {price: 1}, else: [redistribute]}}]",
            "0: automations[0].do[1].branch.else[0]: the OPV is closed by `opv.won`: `redistribute` does nothing then; "
            "what can be done: `comment`, `notify`, `message`, `post`, `pending`, `tag`, `untag`, `set`, `run`, "
            "`wait`, `branch`, `stop`",
        ),
        (
            "on: opv.assigned, do: [{branch: {if: {price: 1}, else: [{move: visits}]}}]",
            "0: automations[0].do[0].branch.else[0].move: there is no stage `visits`, did you mean `visit`?",
        ),
        (
            "on: opv.assigned, do: [{notify: {to: [broker, anna]}}]",
            "0: automations[0].do[0].notify.to[1]: there is nobody called `anna`, did you mean `ana`?",
        ),
        (
            "on: opv.assigned, do: [{pending: {title: Ligar, owner: brokr}}]",
            "0: automations[0].do[0].pending.owner: there is nobody called `brokr`, did you mean `broker`?",
        ),
        (
            "on: opv.assigned, do: [{assign: anna}]",
            "0: automations[0].do[0].assign: there is no person `anna`, did you mean `ana`?",
        ),
        (
            "on: opv.assigned, do: [{assign: leo}]",
            "0: automations[0].do[0].assign: `leo` is not active: name somebody who is",
        ),
        (
            "on: opv.assigned, do: [{assign: {}}]",
            "0: automations[0].do[0].assign: write to whom: `broker: …`, `team: …` or `manager: …`",
        ),
        (
            "on: opv.assigned, do: [{assign: {team: sul}}]",
            "0: automations[0].do[0].assign.team: `sul` has several managers: write `manager: …`, one of paula, marta",
        ),
        (
            "on: opv.assigned, do: [{assign: {team: norte, manager: ana}}]",
            "0: automations[0].do[0].assign.manager: `ana` is a broker, not a manager: name a manager, or write "
            "`role: manager` there",
        ),
        (
            "on: opv.assigned, do: [{assign: {team: norte}}]",
            "0: automations[0].do[0].assign.team: there is no team `norte`, known: `sul`",
        ),
        (
            "on: opv.assigned, do: [{pool: sull}]",
            "0: automations[0].do[0].pool: there is no queue `sull`, did you mean `sul`?",
        ),
        (
            "on: opv.assigned, do: [{redistribute: {by: ayn}}]",
            "0: automations[0].do[0].redistribute.by: there is no rule or queue `ayn`, did you mean `any`?",
        ),
        (
            "on: opv.assigned, do: [{withdraw: {reason: silnt}}]",
            "0: automations[0].do[0].withdraw.reason: there is no withdrawal reason `silnt`, did you mean `silent`?",
        ),
        (
            "on: {called: true}, do: [withdraw]",
            "0: warning: automations[0].on: no automation runs it: write `run: a` in one",
        ),
        (
            "on: opv.assigned, do: [{run: z}]",
            "0: automations[0].do[0].run: there is no automation `z`, known: `a`",
        ),
        (
            "on: opv.assigned, do: [{run: a}]",
            "0: automations[0].do[0].run: it runs itself in the end, `a` → `a`: take one `run` out",
        ),
        (
            "on: opv.assigned, do: [{branch: {if: {price: 1}, then: [stop, {comment: Oi}]}}, {comment: Oi}]",
            "0: warning: automations[0].do[0].branch.then[1]: never done: `stop` before it ends the run",
        ),
        (
            "on: opv.assigned, do: [{branch: {if: {price: 1}, then: [{wait: 1 hour}]}}]",
            "0: warning: automations[0].do[0].branch.then[0].wait: nothing is done after it: the wait does nothing",
        ),
        (
            "on: {in_stage: visit, for: 1 day}, do: [{advance: new}, {advance: signed}]",
            "0: warning: automations[0].do[0].advance: the OPV is in `visit` then, and `advance` never goes back: "
            "write `move`",
        ),
        (
            "on: opv.captured, when: {stage: [visit, signed]}, do: [{advance: visit}]",
            "0: warning: automations[0].do[0].advance: the OPV is in `visit` or `signed` then, and `advance` never "
            "goes back: write `move`",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(wrong: str, told: str) -> None:
    assert told in problems(wrong)


def test_automations_that_run_each_other_are_told_once() -> None:
    assert problems(
        "on: opv.assigned, do: [{run: b}]",
        "on: {called: true}, do: [{comment: Oi}, {branch: {if: {price: 1}, then: [{run: c}]}}]",
        "on: {called: true}, do: [{run: b}, {run: d}]",
        "on: {called: true}, active: false, do: [{comment: Oi}]",
    ) == [
        "1: automations[1].do[1].branch.then[0].run: it runs itself in the end, `b` → `c` → `b`: take one `run` out",
        "2: warning: automations[2].do[1].run: `d` has `active: false` (line 23): it is not run",
    ]


@pytest.mark.parametrize(
    ("there", "back", "told"),
    [
        ("on: stage.changed, when: {stage: visit}", "on: {changed: stage, to: new}", True),
        ("on: {changed: stage, to: [visit, signed]}", "on: stage.changed, when: {stage: [new]}", True),
        ("on: {changed: stage, to: visit, from: signed}", "on: {changed: stage, to: new}", False),
        ("on: stage.changed, when: {stage: visit, broker: ana}", "on: {changed: stage, to: new}", False),
    ],
)
def test_two_that_move_an_opv_there_and_back_are_told(there: str, back: str, told: bool) -> None:
    line = FIRST
    said = (
        f"1: warning: automations[1].do[1].move: line {line} moves it back to `new`, without end: ask for something in"
    )
    found = problems(f"{there}, do: [{{move: new}}]", f"{back}, do: [{{comment: Oi}}, {{move: visit}}]")
    assert found == ([f"{said} `when`"] if told else [])


def test_a_rule_of_distribution_does_not_ask_what_only_automations_know() -> None:
    for fact in ("age_hours", "captures", "client.complete", "count.opv.returned.2d", "event.by", "status"):
        asked = HOUSE.replace("when: {city: Rio}", f"when: {{{fact}: {{exists: true}}}}").replace("automations:\n", "")
        (problem,) = (one for one in load(asked, "x", sources(), {})[1] if one.severity == "error")
        because = f"`{fact}` is known to automations alone: here a lead looks for a broker"
        assert str(problem) == f"x:17:66: distribution.rules[1].when.{fact}: {because}"


def test_the_walker_goes_through_branches_in_order() -> None:
    written = """do:
  - redistribute
  - branch: {if: {price: 1}, then: [{wait: 1 day}, {branch: {if: {}, else: [stop]}}], else: [{comment: Oi}]}
  - withdraw:
"""
    actions = list(each_action(read_document(written)[0]))
    assert [name_at(action) for action in actions] == [
        "redistribute", "branch", "wait", "branch", "stop", "comment", "withdraw",
    ]  # fmt: skip
    assert [action.mark[0] for action in actions] == [2, 3, 3, 3, 3, 3, 4]

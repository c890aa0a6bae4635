"""Tags, fields and questionnaires in the file: what is not there, or cannot be answered, is told with its line."""

from __future__ import annotations

import pytest

from adapters.sources.registry import sources
from porteiro.configuration.load import load

RIGHT = """people: [{key: paula, name: Paula, role: manager}]
funnel:
  stages:
    - {key: new, name: Novo}
    - {key: visit, name: Visita, requires: ["field:heat", "questionnaire:profile"]}
tags: [{key: vip, name: VIP}]
fields:
  - {key: budget, name: Orçamento, kind: number}
  - {key: unit, name: Unidade}
  - {key: heat, name: Calor, kind: choice, options: [Quente, Frio]}
questionnaires: [{key: profile, name: Perfil, fields: [budget, heat], optional: [heat]}]
won_sale: {mode: documentation}
targets: [{key: vende, target: sales_module, options: {api_url: "https://vende.example.com", token: "${T}"}}]
automations:
  - key: a
    on: opv.assigned
    when: {any: [{tags: [vip]}, {fields.budget: {gte: 5}}], not: {tags: {not: vip}}}
    do:
      - {tag: vip}
      - {untag: [vip]}
      - {set: {heat: quente, budget: 450.000, unit: "{{ fields.heat }}"}}
      - {pending: {title: Ligar, owner: paula}}
      - {questionnaire: profile}
      - {branch: {if: {tags: vip}, then: [{sale: {value: budget, unit: unit}}]}}
      - {wait: {for: 1 day, if: {fields.unit: {exists: false}}}}
      - {comment: Depois}
"""
SALE = "do[5].branch.then[0].sale"


def problems(text: str) -> list[str]:
    _, found = load(text, "x", sources(), {"T": "segredo"})
    return [str(problem).removeprefix("x:") for problem in found]


def test_a_right_file_is_right() -> None:
    assert problems(RIGHT) == []


@pytest.mark.parametrize(
    ("now", "wrong", "told"),
    [
        ("field:heat", "field:heatt", "5:45: funnel.stages[1].requires[0]: there is no field `heatt`, did you mean"),
        ("questionnaire:profile", "questionnaire:p", "requires[1]: there is no questionnaire `p`, known: `profile`"),
        ("field:heat", "feild:heat", "funnel.stages[1].requires[0]: `feild:heat` does not have the form"),
        ("field:heat", "phon", "funnel.stages[1].requires[0]: `phon` is unknown, did you mean `phone`?"),
        ("name: Unidade", "name: Unidade, options: [a]", "fields[1].options: a `choice` alone has options"),
        ("[Quente, Frio]", "[Quente, quente, Frio]", "fields[2].options[1]: the option `quente` is there already"),
        ("[budget, heat]", "[budget, heat, x1]", "11:70: questionnaires[0].fields[2]: there is no field `x1`"),
        ("[budget, heat]", "[budget, budget, heat]", "questionnaires[0].fields[1]: `budget` is named twice"),
        ("optional: [heat]", "optional: [unit]", "optional[0]: the questionnaire does not ask for `unit`, known:"),
        ("optional: [heat]", "optional: [heat, budget]", "optional: all of the fields are optional"),
        ("{tags: [vip]}", "{tags: [vip, vpi]}", "17:31: automations[0].when.any[0].tags[1]: there is no tag `vpi`"),
        ("{tags: {not: vip}}", "{tags: {not: vpi}}", "when.not.tags.not: there is no tag `vpi`, did you mean"),
        ("{fields.budget", "{fields.bugdet", "when.any[1].fields.bugdet: there is no field `bugdet`, did you mean"),
        ("{tag: vip}", "{tag: vpi}", "19:15: automations[0].do[0].tag: there is no tag `vpi`, did you mean `vip`?"),
        ("{untag: [vip]}", "{untag: [vpi]}", "do[1].untag[0]: there is no tag `vpi`, did you mean `vip`?"),
        ("{heat: quente", "{hate: quente", "21:16: automations[0].do[2].set.hate: there is no field `hate`"),
        ("{heat: quente", "{heat: morno", "do[2].set.heat: the field heat takes one of Quente, Frio"),
        ("450.000", "muito", "do[2].set.budget: the field budget takes a number of 15 digits at most"),
        ("owner: paula", "owner: paulo", "do[3].pending.owner: there is nobody called `paulo`, did you mean `paula`?"),
        ("{questionnaire: profile}", "{questionnaire: p}", "do[4].questionnaire: there is no questionnaire `p`"),
        ("if: {tags: vip}", "if: {tags: v}", "do[5].branch.if.tags: there is no tag `v`"),
        ("value: budget", "value: unit", f"{SALE}.value: `unit` is no number: name a field of `kind: number`"),
        ("unit: unit}", "unit: unt}", f"{SALE}.unit: there is no field `unt`, did you mean `unit`?"),
        ("documentation", "direct", f"{SALE}: sales are sent where they go through documentation"),
        ("if: {fields.unit", "if: {fields.uni", "do[6].wait.if.fields.uni: there is no field `uni`"),
    ],
)
def test_what_is_wrong_is_told(now: str, wrong: str, told: str) -> None:
    found = problems(RIGHT.replace(now, wrong, 1))
    assert len(found) == 1, found
    assert told in found[0]


def test_a_choice_has_options() -> None:
    found = problems(RIGHT.replace(", options: [Quente, Frio]", "").replace("heat: quente, ", ""))
    assert found == ["10:5: fields[2]: a `choice` has options: write `options: [a, b]`"]

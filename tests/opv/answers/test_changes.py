"""Tags and fields of an OPV: what a change leaves in its row and its history, and what a refusal leaves alone."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from opv.actions import move_stage, withdraw
from opv.answers.changes import change_tags, set_fields
from schemas.errors import Reject
from tests.opv.test_actions import do, everything
from tests.pipeline import HOUSE, Pipeline, Start, lead

ANSWERS = """
withdrawal_reasons: [{key: price, name: Preço}]
tags: [{key: vip, name: VIP}, {key: hot, name: Quente}]
fields:
  - {key: notes, name: Anotações}
  - {key: budget, name: Orçamento, kind: number}
  - {key: parking, name: Vaga, kind: yes_no}
questionnaires: [{key: profile, name: Perfil, fields: [budget, notes, parking], optional: [notes]}]
"""
ASKING = HOUSE.replace(
    "{key: visit, name: Visita}",
    '{key: visit, name: Visita, requires: ["questionnaire:profile"], leave_requires: ["field:notes"]},'
    " {key: end, name: Fim}",
)


def served(start: Start, house: str = HOUSE) -> tuple[Pipeline, UUID]:
    pipeline = start(house + ANSWERS)
    pipeline.deliver("site", lead())
    pipeline.run()
    return pipeline, pipeline.opvs()[0].id


def kept(house: Pipeline) -> tuple[Any, Any]:
    (row,) = house.opvs()
    return tuple(None if one is None else json.loads(one) for one in (row.tags, row.fields))  # type: ignore[return-value] # a pair


def test_tags_are_put_and_taken(start: Start) -> None:
    house, opv = served(start)
    before = len(house.kinds(opv))
    do(house, "ana", opv, lambda at: change_tags(at, ["vip", "hot", "vip"]))
    do(house, "ana", opv, lambda at: change_tags(at, ["vip"], ["hot"]))
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    do(house, "ana", opv, lambda at: change_tags(at, remove=["vip", "hot"]))
    assert kept(house) == (None, None)
    told = [one for one in house.history(opv)[before:] if one[0] != "opv.withdrawn"]
    assert told == [
        ("tag.added", {"tag": "vip"}), ("tag.added", {"tag": "hot"}), ("tag.removed", {"tag": "hot"}),
        ("tag.removed", {"tag": "vip"}),
    ]  # fmt: skip


def test_a_texts_values_are_content_and_others_facts(start: Start) -> None:
    house, opv = served(start)
    before = house.opvs()[0].history_seq
    do(house, "ana", opv, lambda at: set_fields(at, {"notes": "Andar alto", "budget": "450.000", "parking": False}))
    assert kept(house) == (None, {"notes": "Andar alto", "budget": 450000, "parking": False})
    do(house, "ana", opv, lambda at: set_fields(at, {"notes": None, "budget": 450000, "parking": True}))
    assert kept(house) == (None, {"budget": 450000, "parking": True})
    entries = house.rows("history_entries", "seq", "kind", "data", opportunity_id=opv)[before:]
    contents = {row.seq: row.content for row in house.rows("history_contents", opportunity_id=opv) if row.seq > before}
    assert [(row.kind, json.loads(row.data), json.loads(contents.get(row.seq, "{}"))) for row in entries] == [
        ("field.changed", {"field": "notes"}, {"from": None, "to": "Andar alto"}),
        ("field.changed", {"field": "budget", "from": None, "to": 450000}, {}),
        ("field.changed", {"field": "parking", "from": None, "to": False}, {}),
        ("field.changed", {"field": "notes"}, {"from": "Andar alto", "to": None}),
        ("field.changed", {"field": "parking", "from": False, "to": True}, {}),
    ]


def test_what_the_configuration_has_no_more_can_be_taken_away(start: Start) -> None:
    house, opv = served(start)
    do(house, "ana", opv, lambda at: change_tags(at, ["vip"]))
    do(house, "ana", opv, lambda at: set_fields(at, {"notes": "Andar alto"}))
    house.apply(HOUSE)
    with pytest.raises(Reject, match="there is no tag hot"):
        do(house, "ana", opv, lambda at: change_tags(at, remove=["vip", "hot"]))
    do(house, "ana", opv, lambda at: change_tags(at, remove=["vip"]))
    do(house, "ana", opv, lambda at: set_fields(at, {"notes": None}))
    assert kept(house) == (None, None)
    assert house.history(opv)[-1] == ("field.changed", {"field": "notes"})


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (lambda at: change_tags(at, ["vip", "vpi"]), "unknown_tag"),
        (lambda at: change_tags(at, remove=["old"]), "unknown_tag"),
        (lambda at: set_fields(at, {"budget": 1, "rooms": 3}), "unknown_field"),
        (lambda at: set_fields(at, {"rooms": None}), "unknown_field"),
        (lambda at: set_fields(at, {"parking": True, "budget": "muito"}), "wrong_value"),
    ],
)
def test_a_refusal_changes_nothing(start: Start, deed: Any, reason: str) -> None:
    house, opv = served(start)
    before = everything(house)
    with pytest.raises(Reject) as refused:
        do(house, "ana", opv, deed)
    assert (refused.value.reason, refused.value.status) == (reason, 422)
    assert everything(house) == before


def test_a_stage_asks_for_answers(start_on_sqlite: Start) -> None:
    house, opv = served(start_on_sqlite, ASKING)
    with pytest.raises(Reject, match=r"visit requires the questionnaire profile \(budget, parking\)"):
        do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    do(house, "ana", opv, lambda at: set_fields(at, {"budget": 0, "parking": False}))
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    with pytest.raises(Reject, match="leaving visit requires the field notes"):
        do(house, "ana", opv, lambda at: move_stage(at, "end"))
    do(house, "ana", opv, lambda at: set_fields(at, {"notes": "sim"}))
    do(house, "ana", opv, lambda at: move_stage(at, "end"))

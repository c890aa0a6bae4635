"""Questionnaires: what an OPV's fields answer of them."""

from __future__ import annotations

from collections.abc import Mapping

from opv.house import House
from schemas.answers import Question, QuestionnaireItem
from schemas.config import Questionnaire
from schemas.opv import Value


def lacks(one: Questionnaire, values: Mapping[str, Value]) -> list[str]:
    """The fields that must be answered and are not; none, when the questionnaire is filled in."""
    return [key for key in one.fields if key not in one.optional and key not in values]


def shown(house: House, values: Mapping[str, Value]) -> list[QuestionnaireItem]:
    """The house's questionnaires with the values of an OPV's fields, in the order of the configuration."""
    return [_item(house, one, values) for one in house.configuration.questionnaires]


def _item(house: House, one: Questionnaire, values: Mapping[str, Value]) -> QuestionnaireItem:
    questions = [
        Question(
            **house.fields[key].model_dump(include={"key", "name", "kind", "options"}),
            optional=key in one.optional,
            value=values.get(key),
        )
        for key in one.fields
    ]
    open_ = lacks(one, values)
    return QuestionnaireItem(key=one.key, name=one.name, fields=questions, lacks=open_, filled_in=not open_)

"""Tags, fields and questionnaires of an OPV: what is typed and shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, RootModel, model_validator

from schemas.opv import Value
from schemas.opv_actions import Body, Word, storable


class TagsBody(Body):
    """Tags to put on the OPV and to take off it, by key."""

    add: list[Word] = Field(default_factory=list, max_length=100)
    remove: list[Word] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _something(self) -> TagsBody:
        if not (self.add or self.remove):
            raise ValueError("name a tag to add or to remove")
        if both := set(self.add) & set(self.remove):
            raise ValueError(f"{', '.join(sorted(both))}: added and removed at once")
        return self


def _storable(value: Value) -> Value:
    return storable(value) if isinstance(value, str) else value


Given = Annotated[Value, AfterValidator(_storable)]


class FieldsBody(RootModel[Annotated[dict[Word, Given | None], Field(min_length=1, max_length=200)]]):
    """Values of fields by key; null empties one."""


class Question(BaseModel):
    """A field of a questionnaire, and its value on the OPV. `options`: of a choice."""

    key: str
    name: str
    kind: str
    options: list[str]
    optional: bool
    value: Value | None


class QuestionnaireItem(BaseModel):
    """A questionnaire on an OPV. `lacks`: the fields, by key, that must be answered before it is filled in."""

    key: str
    name: str
    fields: list[Question]
    lacks: list[str]
    filled_in: bool

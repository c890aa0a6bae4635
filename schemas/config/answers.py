"""What else is kept of an OPV: its tags, fields that the house made up, and questionnaires out of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.config.values import Color, Key, Part, Text


class Tag(Part):
    """A mark that people and automations put on OPVs."""

    key: Key
    name: Text
    color: Color | None = None


FieldKind = Literal["text", "number", "date", "yes_no", "choice"]


class HouseField(Part):
    """Something that the house wants to know of its OPVs."""

    key: Key
    name: Text
    kind: FieldKind = "text"
    options: list[Text] = Field(default_factory=list)
    """Of a `choice`: the values that there are."""


class Questionnaire(Part):
    """Fields that are asked together; it is filled in when the required ones are."""

    key: Key
    name: Text
    fields: list[Key] = Field(min_length=1)
    optional: list[Key] = Field(default_factory=list)
    """Those of the fields that may stay empty."""

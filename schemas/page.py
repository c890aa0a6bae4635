"""Lists as the API gives them: `{items, next}`, asked for with `?limit=&cursor=`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A part of a list. `next` is the cursor of the part that follows, null at the end."""

    items: list[Item]
    next: str | None = None


def _utc(value: datetime) -> datetime:
    """A time without zone is taken as UTC."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


Since = Annotated[datetime, AfterValidator(_utc)]


class Parameters(BaseModel):
    """Query parameters. Unknown ones are refused with the nearest known name; so is NUL, which no stored text has."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_and_clean(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            for name, value in values.items():
                cls._check(str(name), value)
        return values

    @classmethod
    def _check(cls, name: str, value: Any) -> None:
        known = list(cls.model_fields)
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean `{near[0]}`?" if near else "known: " + (", ".join(known) or "none")
            raise PydanticCustomError("unknown_parameter", "unknown parameter `{name}`: {hint}", _context(name, hint))
        if any("\0" in str(one) for one in (value if isinstance(value, list) else [value])):
            raise PydanticCustomError("nul", "parameter `{name}` holds a NUL", _context(name))


def _context(name: str, hint: str = "") -> dict[str, Any]:
    return {"name": name.replace("\0", "\N{REPLACEMENT CHARACTER}")[:100], "hint": hint}


class Paging(Parameters):
    """Which part of a list. `cursor` is the `next` of the part before."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=500)

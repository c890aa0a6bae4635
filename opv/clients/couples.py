"""The link between spouses: of two natural persons, both ways, each with one at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from opv.clients.records import Record
from schemas.errors import Reject


def check_spouse(record: Record, other: Record | None, involved: Collection[UUID]) -> None:
    """Raises `Reject`: `own_spouse`, `spouse_not_involved`, `spouse_is_natural`."""
    if other is not None and other.id == record.id:
        raise Reject("own_spouse", "nobody is their own spouse", 422)
    if other is None or other.id not in involved:
        raise Reject("spouse_not_involved", "the spouse is one of the OPV's clients: involve them first", 422)
    if record.kind != "natural" or other.kind != "natural":
        raise Reject("spouse_is_natural", "spouses are natural persons, both of them", 422)


def link(records: Mapping[UUID, Record], record: Record, spouse: UUID | None) -> None:
    """Links the two, and unlinks whom they were linked to. `records` holds all of them."""
    for one in (record, records.get(spouse) if spouse else None):
        former = records.get(one.spouse) if one and one.spouse else None
        if one is not None:
            one.spouse = None
        if former is not None and one is not None and former.spouse == one.id:
            former.spouse = None
    if spouse is not None:
        record.spouse, records[spouse].spouse = spouse, record.id

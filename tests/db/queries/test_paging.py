"""Cursors and the bounds of time-ordered ids."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from db.ids import new_id
from db.queries.paging import decode, encode, ids_since


def test_a_cursor_gives_back_its_parts() -> None:
    one = new_id()
    assert decode(encode("a\0é", 3, str(one)), str, int, UUID) == ["a\0é", 3, one]


def test_the_bound_is_below_what_is_written_after_it_and_above_what_was_long_before() -> None:
    assert ids_since(datetime.now(UTC)) < new_id()
    assert ids_since(datetime(2999, 1, 1, tzinfo=UTC)) > new_id()
    assert ids_since(datetime(1, 1, 1, tzinfo=UTC)).int < 2**80

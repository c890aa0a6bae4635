"""Identifiers. One place, so that the standard library's `uuid7` (Python 3.14) can replace the package."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7: unique, and ordered by the time it was made."""
    return uuid7()

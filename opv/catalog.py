"""Developments and listings: what a sender's code or name resolves to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from schemas.conditions import fold
from schemas.config import Development


class Catalog:
    """Looks up a development by listing code, or by key, name or alias, all folded."""

    def __init__(self, developments: Iterable[Development]) -> None:
        self.developments = {one.key: one for one in developments}
        self._by_listing: dict[str, Development] = {}
        self._by_name: dict[str, Development] = {}
        for one in self.developments.values():
            for code in one.listings:
                self._by_listing.setdefault(fold(code), one)
            for name in (one.key, one.key.replace("-", " ").replace("_", " "), one.name, *one.aliases):
                self._by_name.setdefault(fold(name), one)

    def by_listing(self, code: str) -> Development | None:
        """The development that a listing code belongs to."""
        return self._by_listing.get(fold(code))

    def by_name(self, name: str) -> Development | None:
        """The development that a name, alias or key means."""
        return self._by_name.get(fold(name))

    def nearest(self, field: str, value: str) -> Development | None:
        """The development that an unknown value of a lead's `development` or `listing` was probably meant for."""
        known = self._by_listing if field == "listing" else self._by_name
        near = difflib.get_close_matches(fold(value), known, 1)
        return known[near[0]] if near else None

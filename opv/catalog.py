"""What a sender's code or name resolves to: developments and listings, campaigns, media and origins."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from schemas.conditions import fold
from schemas.config import Configuration, Development, Named

One = TypeVar("One", Development, Named)

REGISTRIES = {"campaign": "campaigns", "medium": "media", "origin": "origins"}
"""Fields of a lead that a list of the configuration gives keys to, and the list."""


def names_of(key: str, name: str, aliases: Iterable[str]) -> list[str]:
    """All that a thing of the configuration is called: by its key, its name, its aliases."""
    return [key, key.replace("-", " ").replace("_", " "), name, *aliases]


class Catalog:
    """Looks up a development by listing code, or by key, name or alias, all folded; the registries alike."""

    def __init__(
        self, developments: Iterable[Development], registries: Mapping[str, Sequence[Named]] | None = None
    ) -> None:
        self.developments = {one.key: one for one in developments}
        self._by_listing: dict[str, Development] = {}
        for one in self.developments.values():
            for code in one.listings:
                self._by_listing.setdefault(fold(code), one)
        self._brokers = {
            fold(code): broker for one in self.developments.values() for code, broker in one.listing_brokers.items()
        }
        self._by_name = _by_name(self.developments.values())
        self._registries = {field: _by_name(known) for field, known in (registries or {}).items()}

    @classmethod
    def of(cls, configuration: Configuration) -> Catalog:
        """The catalog of a configuration."""
        lists = {field: getattr(configuration, section) for field, section in REGISTRIES.items()}
        return cls(configuration.developments, lists)

    def by_listing(self, code: str) -> Development | None:
        """The development that a listing code belongs to."""
        return self._by_listing.get(fold(code))

    def broker_of(self, code: str) -> str | None:
        """Who captured the listing of the code."""
        return self._brokers.get(fold(code))

    def by_name(self, name: str) -> Development | None:
        """The development that a name, alias or key means."""
        return self._by_name.get(fold(name))

    def registers(self, field: str) -> bool:
        """Whether the configuration lists what the field may be."""
        return bool(self._registries.get(field))

    def registered(self, field: str, value: str) -> Named | None:
        """The campaign, medium or origin that the value of the field means."""
        known = self._registries.get(field)
        return known.get(fold(value)) if known else None

    def knows(self, field: str, value: str) -> bool:
        """Whether a value of a lead means something configured now."""
        if field == "listing":
            return self.by_listing(value) is not None
        if field == "development":
            return self.by_name(value) is not None
        return self.registered(field, value) is not None

    def nearest(self, field: str, value: str) -> Development | Named | None:
        """What an unknown value of the field was probably meant for."""
        known: Mapping[str, Development | Named] = self._registries.get(field, {})
        if field == "development":
            known = self._by_name
        elif field == "listing":
            known = self._by_listing
        near = difflib.get_close_matches(fold(value), known, 1)
        return known[near[0]] if near else None


def _by_name(things: Iterable[One]) -> dict[str, One]:
    found: dict[str, One] = {}
    for one in things:
        for name in names_of(one.key, one.name, one.aliases):
            found.setdefault(fold(name), one)
    return found

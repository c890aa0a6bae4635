"""Changing the tags and fields of an OPV, by people and automations alike. Closed OPVs have them too. What is so
already is left as it is, without an entry in the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opv import history
from opv.actions import Acting
from opv.answers.values import fields_of, stored, tags_of, typed
from schemas.conditions import nearest
from schemas.errors import Reject


def change_tags(at: Acting, add: Iterable[str] = (), remove: Iterable[str] = ()) -> list[str]:
    """Puts tags on the OPV and takes others off it, by key; gives those that changed. One that the configuration has no
    more can still be taken off. Raises `Reject` `unknown_tag` (422)."""
    tags, known = tags_of(at.opv.tags), at.batch.house.tags
    new, gone = ([*dict.fromkeys(keys)] for keys in (add, remove))
    for key in (*new, *(key for key in gone if key not in tags)):
        if key not in known:
            raise Reject("unknown_tag", f"there is no tag {key}, {nearest(key, known)}", 422)
    new, gone = [key for key in new if key not in tags], [key for key in gone if key in tags]
    at.opv.tags = stored([key for key in (*tags, *new) if key not in gone])
    for kind, keys in ((history.TAG_ADDED, new), (history.TAG_REMOVED, gone)):
        for key in keys:
            at.batch.record(at.opv, kind, at.cause, {"tag": key})
    return [*new, *gone]


def set_fields(at: Acting, given: Mapping[str, Any]) -> list[str]:
    """Sets fields of the OPV, None empties one; gives those that changed. One that the configuration has no more can
    still be emptied. Raises `Reject` (422): `unknown_field`, `wrong_value`."""
    before, known = fields_of(at.opv.fields), at.batch.house.fields
    values = {}
    for key, value in given.items():
        if key not in known and not (value is None and key in before):
            raise Reject("unknown_field", f"there is no field {key}, {nearest(key, known)}", 422)
        values[key] = None if value is None else typed(known[key], value)
    after = {key: value for key, value in {**before, **values}.items() if value is not None}
    changed = [key for key in values if _differ(before.get(key), after.get(key))]
    at.opv.fields = stored(after)
    for key in changed:
        said = {"from": before.get(key), "to": after.get(key)}
        plain = key in known and known[key].kind != "text"
        data = {"field": key, **(said if plain else {})}
        at.batch.record(at.opv, history.FIELD_CHANGED, at.cause, data, None if plain else said)
    return changed


def _differ(one: Any, other: Any) -> bool:
    """One is not yes."""
    return one != other or isinstance(one, bool) != isinstance(other, bool)

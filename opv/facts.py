"""The facts that conditions are tested on, out of an OPV, its client and one of its captures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from db.models import Base
from db.statement import Statement
from opv.answers.values import fields_of, tags_of
from opv.batch import Opv
from schemas.conditions import FACTS, OPEN_FACTS, of_automations

_CAPTURES = Base.metadata.tables["capture_origins"]
_CLIENTS = Base.metadata.tables["clients"]

_COLUMNS = (
    "source", "channel", "campaign", "medium", "origin", "development", "listing", "transaction", "city", "state",
)  # fmt: skip


_OF_ROW = {
    "team": "team", "manager": "manager", "broker": "broker", "presales_broker": "presales_broker",
    "second_broker": "second_broker", "funnel": "funnel", "status": "stage_status", "outcome": "status",
}  # fmt: skip
"""Facts that the OPV's row holds, and the columns."""


class OpvFacts(Mapping[str, Any]):
    """Facts by name. `capture` is a row of `CAPTURES`; answers and the like are parsed only when asked for. `stage`:
    the OPV's then, if not now; `event`: what the entry says that triggered an automation; `known`: gives the facts that
    automations alone know and the row does not tell."""

    def __init__(
        self,
        opv: Opv,
        capture: Any | None,
        stage: str | None = None,
        event: Mapping[str, Any] | None = None,
        known: Callable[[Opv, str], Any] | None = None,
    ) -> None:
        self._opv = opv
        self._known = known
        self._event = event
        self._capture = capture
        self._stage = stage or opv.stage
        self._details: dict[str, Any] | None = None

    def get(self, key: str, default: Any = None) -> Any:
        """Value of a fact, None when absent."""
        value = self._value(key)
        return default if value is None else value

    def _value(self, key: str) -> Any:
        if key == "stage":
            return self._stage
        if key == "tags":
            return tags_of(self._opv.tags) or None
        if key.startswith("fields."):
            return fields_of(self._opv.fields).get(key.removeprefix("fields."))
        if key in _OF_ROW:
            return getattr(self._opv, _OF_ROW[key])
        if key == "first_contact":
            return self._opv.first_contact_at is not None
        if key.startswith("event."):
            return None if self._event is None else self._event.get(key.removeprefix("event."))
        if of_automations(key):
            return None if self._known is None else self._known(self._opv, key)
        return None if self._capture is None else self._captured(self._capture, key)

    def _captured(self, capture: Any, key: str) -> Any:
        if key in _COLUMNS:
            return getattr(capture, key)
        if key == "price":
            return None if capture.price_cents is None else capture.price_cents / 100
        if key == "client.kind":
            return capture.client_kind
        if key == "returning":
            return capture.is_returning
        if key == "broker_named":
            return self._details_of(capture).get("broker")
        group, _, name = key.partition(".")
        return self._detail(capture, group, name)

    def _detail(self, capture: Any, group: str, name: str) -> Any:
        values = self._details_of(capture).get(group)
        return values.get(name) if isinstance(values, dict) else None

    def _details_of(self, capture: Any) -> dict[str, Any]:
        if self._details is None:
            self._details = json.loads(capture.details)
        return self._details

    def __getitem__(self, key: str) -> Any:
        value = self._value(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in (*FACTS, *OPEN_FACTS) if self._value(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


CAPTURES = Statement(
    lambda one_of: select(
        _CAPTURES.c.opportunity_id, _CAPTURES.c.seq, _CAPTURES.c.price_cents, _CAPTURES.c.is_returning,
        _CAPTURES.c.details, _CAPTURES.c.received_at, *(_CAPTURES.c[name] for name in _COLUMNS),
        _CLIENTS.c.kind.label("client_kind"),
    )
    .join(_CLIENTS, _CLIENTS.c.id == _CAPTURES.c.client_id)
    .where(one_of(_CAPTURES.c.opportunity_id, "opvs"))
    .order_by(_CAPTURES.c.opportunity_id, _CAPTURES.c.seq)
)  # fmt: skip
"""The captures of `opvs` in order, with the client's kind."""


def by_opv(captures: Iterable[Any]) -> dict[UUID, list[Any]]:
    """Rows of `CAPTURES` by OPV."""
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in captures:
        found[row.opportunity_id].append(row)
    return found


def newest(captures: Sequence[Any], until: int | None = None) -> Any | None:
    """The newest capture, not after history entry `until`."""
    fitting = [row for row in captures if until is None or row.seq <= until]
    return fitting[-1] if fitting else None

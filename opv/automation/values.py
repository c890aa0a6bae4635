"""What is known of an OPV, for templates: each value as text that a person reads, nothing in it that is not printed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, select

from db.models import Base
from db.statement import Statement
from opv import history
from opv.automation.actions.doing import Doing
from opv.clients.involved import Involved, involved_of_all
from opv.facts import CAPTURES, newest
from opv.house import House

MAX_VALUE = 1000
"""Characters of one value."""

_ENTRIES = Base.metadata.tables["history_entries"]

_AGREED = Statement(
    lambda one_of: (
        select(_ENTRIES.c.opportunity_id, _ENTRIES.c.data)
        .where(
            one_of(_ENTRIES.c.opportunity_id, "opvs"),
            _ENTRIES.c.kind == history.CONTACT_ADDED,
            _ENTRIES.c.data.contains('"scheduled":true'),
        )
        .order_by(_ENTRIES.c.opportunity_id, _ENTRIES.c.seq)
    )
)

Values = dict[str, Any]
"""Texts by name, in groups (`{"client": {"name": …}}`). What is not known is not there."""


class Known(Protocol):
    """An OPV, in memory or as a row."""

    @property
    def id(self) -> UUID: ...
    @property
    def number(self) -> int: ...
    @property
    def stage(self) -> str: ...
    @property
    def development(self) -> str | None: ...
    @property
    def broker(self) -> str | None: ...
    @property
    def manager(self) -> str | None: ...
    @property
    def fields(self) -> str | None: ...


def values_at(at: Doing, groups: Collection[str]) -> Values:
    """The groups that are asked for, as an action is done. Clients and visits are read once for all OPVs of the batch,
    when the first of them asks."""
    client = main_client(at) if "client" in groups else None
    visit = _visit_at(at) if "visit" in groups else None
    return _values(at.batch.house, at.opv, groups, client, newest(at.captures), visit)


def values_of(tx: Connection, house: House, opv: Known, groups: Collection[str]) -> Values:
    """The groups that are asked for, of one OPV at this moment."""
    client = main_clients(tx, [opv.id]).get(opv.id) if "client" in groups else None
    capture = newest(CAPTURES.rows(tx, opvs=[opv.id])) if "capture" in groups else None
    visit = visits_agreed(tx, [opv.id]).get(opv.id) if "visit" in groups else None
    return _values(house, opv, groups, client, capture, visit)


def main_client(at: Doing) -> Involved | None:
    """The OPV's main client."""
    batch = at.batch
    if batch.main_clients is None:
        batch.main_clients = main_clients(at.tx, batch.opvs)
    return batch.main_clients.get(at.opv.id)


def main_clients(tx: Connection, opvs: Collection[UUID]) -> dict[UUID, Involved]:
    """The main client of each OPV."""
    return {opv: people[0] for opv, people in involved_of_all(tx, opvs).items() if people[0].main}


def visits_agreed(tx: Connection, opvs: Collection[UUID]) -> dict[UUID, datetime]:
    """For when the visit is that was agreed on last, of the OPVs that have one."""
    rows = _AGREED.rows(tx, opvs=opvs)
    return {row.opportunity_id: datetime.fromisoformat(json.loads(row.data)["at"]) for row in rows}


def called(client: Involved) -> str | None:
    """What the person wants to be called."""
    name = client.details.social_name or client.name
    return _clean(name) if name else None


def _visit_at(at: Doing) -> datetime | None:
    batch = at.batch
    if batch.visits is None:
        batch.visits = visits_agreed(at.tx, batch.opvs)
    return batch.visits.get(at.opv.id)


def _values(
    house: House, opv: Known, groups: Collection[str], client: Involved | None, capture: Any | None,
    visit: datetime | None,
) -> Values:  # fmt: skip
    catalog, stage = house.catalog.developments.get(opv.development or ""), house.stages.get(opv.stage)
    every: dict[str, Mapping[str, Any]] = {
        "client": _of_client(client),
        "broker": _of_person(house, opv.broker),
        "manager": _of_person(house, opv.manager),
        "company": {"name": house.configuration.company.name},
        "development": {"name": catalog.name if catalog else None},
        "opv": {"number": opv.number},
        "stage": {"name": stage.name if stage else opv.stage},
        "capture": _of_capture(capture) if "capture" in groups else {},
        "visit": _of_visit(house, visit),
        "fields": _of_fields(house, opv.fields) if "fields" in groups else {},
    }
    return {
        group: {name: text for name, value in every[group].items() if value is not None and (text := _clean(value))}
        for group in every
        if group in groups
    }


def _of_client(client: Involved | None) -> Mapping[str, Any]:
    if client is None:
        return {}
    name = called(client)
    return {
        "name": name,
        "first_name": name.split()[0] if name else None,
        "phone": next(iter(client.phones), None),
        "email": next(iter(client.emails), None),
    }


def _of_person(house: House, key: str | None) -> Mapping[str, Any]:
    person = house.roster.people.get(key or "")
    return {} if person is None else {name: getattr(person, name) for name in ("name", "phone", "email", "creci")}


def _of_capture(capture: Any | None) -> Mapping[str, Any]:
    if capture is None:
        return {}
    message = json.loads(capture.details).get("message")
    return {name: getattr(capture, name) for name in ("source", "channel", "campaign")} | {"message": message}


def _of_visit(house: House, visit: datetime | None) -> Mapping[str, Any]:
    if visit is None:
        return {}
    local = visit.astimezone(house.zone)
    return {"date": f"{local:%d/%m/%Y}", "time": f"{local:%H:%M}"}


def _of_fields(house: House, stored: str | None) -> Mapping[str, Any]:
    kinds = {field.key: field.kind for field in house.configuration.fields}
    return {key: _shown(value, kinds.get(key)) for key, value in json.loads(stored or "{}").items()}


def _shown(value: Any, kind: str | None) -> Any:
    """A field's value as people write it."""
    if isinstance(value, bool):
        return "sim" if value else "não"
    if kind == "date" and isinstance(value, str):
        return f"{date.fromisoformat(value):%d/%m/%Y}"
    return str(value).replace(".", ",") if kind == "number" and value is not None else value


def _clean(value: Any) -> str:
    """Printable text; line breaks stay."""
    text = str(value).replace("\r\n", "\n")
    return "".join(one if one.isprintable() or one == "\n" else " " for one in text).strip()[:MAX_VALUE]

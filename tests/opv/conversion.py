"""A house with pre-sales and two managers, and people who act in it, for tests of who serves an OPV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from opv.access import Viewer, viewer_of
from opv.actions import Acting
from opv.by_people import Done, act, register
from opv.house import House
from schemas.errors import Reject
from schemas.lead import Lead, SentPhone
from tests.pipeline import HOUSE, TABLES, Pipeline, lead

PRESALES_HOUSE = (
    HOUSE.replace(
        "teams: [{key: sul, name: Equipe Sul, managers: [{person: paula, brokers: [ana, bia]}]}]",
        """  - {key: caio, name: Caio Corretor, role: broker}
  - {key: pia, name: Pia Pré, role: presales}
  - {key: pedro, name: Pedro Pré, role: presales}
  - {key: olga, name: Olga Operações, role: ops}
teams:
  - {key: sul, name: Equipe Sul, managers: [{person: paula, brokers: [ana, bia, pia]}]}
  - {key: norte, name: Equipe Norte, managers: [{person: marta, brokers: [caio, pedro]}]}""",
    ).replace("{key: new, name: Novo}", "{key: new, name: Novo, kind: presales}")
    + "withdrawal_reasons: [{key: price, name: Preço}]\n"
)
"""Paula leads ana, bia and, in pre-sales, pia; marta leads caio and pedro. `new` is a stage of pre-sales."""


def inactive(person: str, text: str = PRESALES_HOUSE) -> str:
    """The configuration in which that person has left."""
    (line,) = [line for line in text.splitlines() if f"{{key: {person}," in line and "role:" in line]
    return text.replace(line, line.replace("}", ", active: false}"))


def served(house: Pipeline, *, broker: str = "ana", number: int = 1) -> UUID:
    """An OPV of the broker."""
    known = {row.id for row in house.opvs()}
    house.deliver("site", lead(number))
    house.run()
    (opv,) = [row for row in house.opvs() if row.id not in known]
    if opv.broker != broker:
        place = house.house().roster.place(broker)
        house.set("opportunities", {"team": place.team, "manager": place.manager, "broker": broker}, id=opv.id)
    return UUID(str(opv.id))


def viewer(house: House, person: str) -> Viewer:
    """The person, who is active."""
    found = viewer_of(person, house)
    assert found is not None
    return found


def do(pipeline: Pipeline, person: str, opv: UUID, deed: Callable[[Acting], object]) -> set[str]:
    """The person does it to the OPV; gives the steps woken."""
    house = pipeline.house()
    with pipeline.database.write() as tx:
        return act(tx, house, viewer(house, person), pipeline.clock(), str(opv), deed).woken


def enter(pipeline: Pipeline, person: str, broker: str | None = None, number: int = 1, **fields: Any) -> Done:
    """The person registers by hand what `lead(number)` is."""
    house = pipeline.house()
    sent = lead(number)
    typed = {"name": sent["nome"], "phones": [SentPhone(value=sent["telefone"])], **fields}
    with pipeline.database.write() as tx:
        return register(tx, house, viewer(house, person), pipeline.clock(), Lead(**typed), broker)


def everything(pipeline: Pipeline) -> dict[str, list[Any]]:
    """All rows of all tables."""
    return {name: pipeline.rows(name) for name in TABLES}


def refused(pipeline: Pipeline, reason: str, deed: Callable[[], object]) -> None:
    """The deed is refused for this reason, and nothing is changed by it."""
    before = everything(pipeline)
    with pytest.raises(Reject) as told:
        deed()
    assert (told.value.reason, everything(pipeline) == before) == (reason, True)

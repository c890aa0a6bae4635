"""The one place that decides who sees what."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from db.ids import new_id
from db.models import Opportunity
from db.session import Database
from opv.access import Viewer, decided_by, may_operate, over, sees, viewer_of, visible
from opv.house import House, build_house
from schemas.config import Configuration
from tests.stored import CONFIGURATION, Stored, ago, house


def test_a_viewer_is_an_active_person_of_the_configuration() -> None:
    assert viewer_of("paula", house()) == Viewer("paula", "manager")
    assert viewer_of("ivo", house()) is None
    assert viewer_of("nobody", house()) is None


SEES = {"rui": {1, 2, 3}, "paula": {1, 2}, "marta": {2}, "ana": {1}, "caio": set(), "olga": set()}


def test_opvs_are_seen_by_who_is_linked_to_them(database_url: str) -> None:
    database = Database(database_url)
    stored = Stored(database)
    stored.opv(broker="ana", manager="paula")
    stored.opv(broker="bia", manager="marta")  # paula leads her since
    stored.opv()
    for person, numbers in SEES.items():
        viewer = viewer_of(person, house())
        assert viewer is not None
        with database.read() as tx:
            assert set(tx.execute(select(Opportunity.number).where(visible(viewer, house()))).scalars()) == numbers, (
                person
            )
        assert may_operate(viewer) == (person in ("rui", "olga"))
    database.dispose()


PEOPLE: list[Any] = list(CONFIGURATION["people"])  # type: ignore[call-overload] # read as plain YAML
PRESALES = {
    **CONFIGURATION,
    "people": [
        *PEOPLE,
        {"key": "pia", "name": "Pia Pré", "role": "presales"},
        {"key": "pedro", "name": "Pedro Pré", "role": "presales"},
    ],
    "teams": [
        {"key": "sul", "name": "Sul", "managers": [{"person": "paula", "brokers": ["ana", "bia", "pia", "ivo"]}]},
        {"key": "norte", "name": "Norte", "managers": [{"person": "marta", "brokers": ["caio", "pedro"]}]},
    ],
    "funnel": {
        "stages": [
            {"key": "new", "name": "Novo", "kind": "presales"},
            {"key": "sold", "name": "Venda"},
            {"key": "brokers", "name": "Só corretores", "see": ["broker"]},
            {"key": "managers", "name": "Só gerentes", "kind": "presales", "see": ["manager", "presales"]},
        ]
    },
}
SERVING = {
    "stage": ("new", "sold", "gone", "brokers", "managers"),
    "manager": (None, "paula", "marta"),
    "broker": (None, "ana", "ivo", "left"),
    "second_broker": (None, "bia", "caio"),
    "presales_manager": (None, "paula", "marta"),
    "presales_broker": (None, "pia", "pedro", "bia"),
}
"""Everything that an OPV may be served by: of sales, shared, in pre-sales, by who has left too."""
VIEWERS = ("rui", "paula", "marta", "ana", "bia", "caio", "pia", "pedro", "olga")


def every_opv(stored: Stored) -> dict[int, SimpleNamespace]:
    """An OPV for each way to be served, by number."""
    opvs = [SimpleNamespace(**dict(zip(SERVING, ways, strict=True))) for ways in product(*SERVING.values())]
    columns = {
        "funnel": "sales", "stage_seq": 1, "status": "open", "development": None, "team": None, "presales_team": None,
        "assigned_at": None, "first_contact_at": None, "created_at": ago(0), "history_seq": 0, "history_head": b"",
    }  # fmt: skip
    stored.insert(
        "opportunities",
        *({**columns, **vars(opv), "id": new_id(), "client_id": new_id(), "number": n} for n, opv in enumerate(opvs)),
    )
    return dict(enumerate(opvs))


def expected(person: str, role: str, team: set[str], opv: SimpleNamespace) -> bool:
    """Who sees an OPV, said once more in other words."""
    if (opv.stage, role) in {("brokers", "manager"), ("brokers", "presales"), ("managers", "broker")}:
        return False
    early: bool = opv.stage in ("new", "managers") and opv.presales_broker == person
    if role == "manager":
        return person in (opv.manager, opv.presales_manager) or bool(
            team & {opv.broker, opv.second_broker, opv.presales_broker}
        )
    own = role == "broker" and person in (opv.broker, opv.second_broker)
    return role == "director" or (role != "ops" and (early or own))


def test_rows_and_memory_say_the_same_of_who_sees_and_who_decides(database_url: str) -> None:
    database = Database(database_url)
    opvs = every_opv(Stored(database))
    in_force: House = build_house(1, Configuration.model_validate(PRESALES), {})
    teams = {"paula": {"ana", "bia", "pia", "ivo"}, "marta": {"caio", "pedro"}}
    for person in VIEWERS:
        viewer = viewer_of(person, in_force)
        assert viewer is not None
        with database.read() as tx:
            seen = set(tx.execute(select(Opportunity.number).where(visible(viewer, in_force))).scalars())
            decided = set(tx.execute(select(Opportunity.number).where(decided_by(viewer, in_force))).scalars())
        assert seen == {n for n, opv in opvs.items() if sees(viewer, in_force, opv)}, person
        assert decided == {n for n, opv in opvs.items() if over(viewer, in_force, opv)}, person
        assert decided <= seen, person
        team = teams.get(person, set())
        assert seen == {n for n, opv in opvs.items() if expected(person, viewer.role, team, opv)}, person
    database.dispose()


def test_who_decides_is_over_those_in_sales(database_url: str) -> None:
    database = Database(database_url)
    stored = Stored(database)
    stored.opv(broker="ana")
    stored.opv(broker="ana", second_broker="caio", presales_manager="marta", presales_broker="pedro")
    stored.opv(presales_manager="marta", presales_broker="pedro")
    stored.opv(manager="marta", broker="ana")
    in_force: House = build_house(1, Configuration.model_validate(PRESALES), {})
    decides = {"rui": {1, 2, 3, 4}, "paula": {1, 2, 4}, "marta": {3, 4}, "ana": set(), "pedro": set(), "olga": set()}
    for person, numbers in decides.items():
        viewer = viewer_of(person, in_force)
        assert viewer is not None
        with database.read() as tx:
            assert set(tx.execute(select(Opportunity.number).where(decided_by(viewer, in_force))).scalars()) == numbers
    database.dispose()

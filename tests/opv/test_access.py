"""The one place that decides who sees what."""

from __future__ import annotations

from sqlalchemy import select

from db.models import Opportunity
from db.session import Database
from opv.access import Viewer, may_operate, viewer_of, visible
from tests.stored import Stored, house


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
    for person, sees in SEES.items():
        viewer = viewer_of(person, house())
        assert viewer is not None
        with database.read() as tx:
            assert set(tx.execute(select(Opportunity.number).where(visible(viewer, house()))).scalars()) == sees, person
        assert may_operate(viewer) == (person in ("rui", "olga"))
    database.dispose()

"""A house whose figures are known: four OPVs and what became of them, step by step, through the pipeline.

| OPV | campaign as sent | broker | what happened, in days since Monday, 21 September 2026, 9:00 in São Paulo |
|---|---|---|---|
| 1 | Verão | ana | contacted 2, visit 3, sold 7; its client came back at 1, by campaign verao-2026 |
| 2 | verao 2026 | bia | withdrawn (price) at 14.5 hours: 23:30 of the same day |
| 3 | none | caio | withdrawn (moved away, to another state) at 15.5 hours: 0:30 of the next day |
| 4 | Google Marca | ana | visit 1, without being contacted; withdrawn (price) 14 |

The campaigns get their keys at 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, true

from opv.access import viewer_of, visible
from opv.actions import Acting, move_stage, win, withdraw
from opv.by_people import act
from tests.pipeline import NOW, Pipeline, Start, lead

HOUSE = """
people:
  - {key: rui, name: Rui Diretor, role: director}
  - {key: olga, name: Olga Operações, role: ops}
  - {key: paula, name: Paula Gerente, role: manager}
  - {key: marta, name: Marta Gerente, role: manager}
  - {key: ana, name: Ana Corretora, role: broker}
  - {key: bia, name: Bia Corretora, role: broker}
  - {key: caio, name: Caio Corretor, role: broker}
teams:
  - {key: sul, name: Equipe Sul, managers: [{person: paula, brokers: [ana, bia]}]}
  - {key: norte, name: Equipe Norte, managers: [{person: marta, brokers: [caio]}]}
developments:
  - {key: jardim, name: Residencial Jardim, teams: [sul]}
channels:
  - {key: site, source: form, secrets: ["${S}"]}
  - {key: blog, source: form, secrets: ["${S}"]}
funnel: {stages: [{key: new, name: Novo}, {key: contacted, name: Em atendimento}, {key: visit, name: Visita}]}
distribution:
  rules:
    - {key: jardim, when: {development: jardim}, queue: {teams: [sul]}}
    - {key: any, queue: {teams: [norte]}}
withdrawal_reasons:
  - {key: price, name: Preço}
  - {key: gone, name: Mudou-se}
  - {key: moved, name: Mudança, sub_reasons: [{key: state, name: Para outro estado}]}
"""
CAMPAIGNS = """
campaigns:
  - key: summer
    name: Campanha de verão
    aliases: [Verão, verao 2026, verao-2026]
    costs: [{from: 2026-09-01, until: 2026-09-30, value: 3000}, {from: 2026-10-01, until: 2026-10-10, value: 1000}]
  - {key: brand, name: Marca, aliases: [Google Marca], costs: [{from: 2026-09-21, until: 2026-09-23, value: 100}]}
  - {key: idle, name: Sem leads, costs: [{from: 2026-01-01, until: 2026-01-31, value: 77.77}]}
"""


def known_house(start: Start) -> Pipeline:
    """The house at the end, 14 days on."""
    house = start(HOUSE)
    house.deliver("site", lead(1, campanha="Verão", empreendimento="jardim"))
    house.run()
    house.deliver("site", lead(2, campanha="verao 2026", empreendimento="jardim"))
    house.run()
    house.deliver("blog", lead(3))
    house.run()
    house.deliver("site", lead(4, campanha="Google Marca", empreendimento="jardim"))
    house.run()
    wait_until(house, days=0.5)
    house.apply(HOUSE + CAMPAIGNS)
    wait_until(house, hours=14.5)
    do(house, 2, lambda at: withdraw(at, "price"))
    wait_until(house, hours=15.5)
    do(house, 3, lambda at: withdraw(at, "gone"))
    house.set("withdrawals", {"reason": "moved", "sub_reason": "state"}, reason="gone")
    wait_until(house, days=1)
    do(house, 4, lambda at: move_stage(at, "visit"))
    house.deliver("blog", lead(1, id="again", campanha="verao-2026"))
    house.run()
    wait_until(house, days=2)
    do(house, 1, lambda at: move_stage(at, "contacted"))
    wait_until(house, days=3)
    do(house, 1, lambda at: move_stage(at, "visit"))
    wait_until(house, days=7)
    do(house, 1, lambda at: win(at, Decimal(350000), "AP-101", date(2026, 9, 28)))
    wait_until(house, days=14)
    do(house, 4, lambda at: withdraw(at, "price"))
    return house


def seen_by(house: Pipeline, person: str | None = None) -> ColumnElement[bool]:
    """The condition of what a person sees; of everything, for nobody in particular."""
    if person is None:
        return true()
    viewer = viewer_of(person, house.house())
    assert viewer is not None
    return visible(viewer, house.house())


def wait_until(house: Pipeline, **since: float) -> None:
    """Sets the clock to so long after the beginning."""
    house.clock.now = NOW + timedelta(**since)


def do(house: Pipeline, number: int, deed: Callable[[Acting], object]) -> None:
    """A director acts on the OPV."""
    rui = viewer_of("rui", house.house())
    assert rui is not None
    with house.database.write() as tx:
        act(tx, house.house(), rui, house.clock(), str(house.opvs()[number - 1].id), deed)

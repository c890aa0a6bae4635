"""Withdrawals counted by one thing and by two, in the company's own days."""

from __future__ import annotations

import pytest

from opv.reports import withdrawals
from schemas.errors import Reject
from schemas.reports import CrossItem, WithdrawalFilters
from tests.opv.reports.known import known_house, seen_by
from tests.pipeline import Pipeline, Start, counted

Counts = list[tuple[str | None, str, int]]


def asked(house: Pipeline, person: str | None = None, **filters: object) -> Counts:
    with house.database.read() as tx:
        found = withdrawals(tx, house.house(), seen_by(house, person), WithdrawalFilters.model_validate(filters))
    return [(one.key, one.name, one.count) for one in found]


def test_by_each_thing(start: Start) -> None:
    house = known_house(start)
    assert asked(house) == [("price", "Preço", 2), ("moved", "Mudança", 1)]
    assert asked(house, by="sub_reason") == [("price", "Preço", 2), ("moved/state", "Mudança: Para outro estado", 1)]
    assert asked(house, by="team") == [("sul", "Equipe Sul", 2), ("norte", "Equipe Norte", 1)]
    assert asked(house, by="manager") == [("paula", "Paula Gerente", 2), ("marta", "Marta Gerente", 1)]
    assert [one[0] for one in asked(house, by="broker")] == ["ana", "bia", "caio"]
    assert asked(house, by="source") == [("form", "Formulário (site, landing page, integração)", 3)]
    assert asked(house, by="development") == [("jardim", "Residencial Jardim", 2), (None, "(sem valor)", 1)]
    assert asked(house, by="stage") == [("new", "Novo", 2), ("visit", "Visita", 1)]
    assert asked(house, by="month") == [("2026-09", "set/2026", 2), ("2026-10", "out/2026", 1)]
    assert asked(house, by="week") == [
        ("2026-W39", "21/09 a 27/09/2026", 2), ("2026-W40", "28/09 a 04/10/2026", 0),
        ("2026-W41", "05/10 a 11/10/2026", 1),
    ]  # fmt: skip
    days = asked(house, by="day")
    assert (days[0], days[1], days[-1]) == (
        ("2026-09-21", "21/09/2026", 1), ("2026-09-22", "22/09/2026", 1), ("2026-10-05", "05/10/2026", 1),
    )  # fmt: skip
    assert len(days) == 15


def test_by_two_things_in_one_statement(start: Start) -> None:
    house = known_house(start)
    with counted(house.database) as statements, house.database.read() as tx:
        found = withdrawals(tx, house.house(), seen_by(house), WithdrawalFilters(by="reason", across="month"))
    assert len([one for one in statements if "withdrawals" in one]) == 1
    assert [
        (one.key, one.count, [(cell.key, cell.name, cell.count) for cell in one.across])
        for one in found
        if isinstance(one, CrossItem)
    ] == [
        ("price", 2, [("2026-09", "set/2026", 1), ("2026-10", "out/2026", 1)]),
        ("moved", 1, [("2026-09", "set/2026", 1), ("2026-10", "out/2026", 0)]),
    ]


def test_a_day_is_the_companys(start: Start) -> None:
    house = known_house(start)
    assert asked(house, by="broker", since="2026-09-21", until="2026-09-22") == [("bia", "Bia Corretora", 1)]
    assert asked(house, by="broker", since="2026-09-22", until="2026-10-01T00:00") == [("caio", "Caio Corretor", 1)]
    assert asked(house, by="broker", since="2026-09-22T03:00:00Z", until="2026-09-22T03:30:00Z") == []
    with pytest.raises(Reject, match="ends before it begins"):
        asked(house, since="2026-09-22", until="2026-09-22")


def test_each_counts_what_it_sees(start: Start) -> None:
    house = known_house(start)
    assert asked(house, "paula", by="broker") == [("ana", "Ana Corretora", 1), ("bia", "Bia Corretora", 1)]
    assert asked(house, "marta") == [("moved", "Mudança", 1)]
    assert asked(house, "ana") == [("price", "Preço", 1)]
    assert asked(house, "olga") == []
    assert asked(house, "rui") == asked(house)

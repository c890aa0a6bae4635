"""The house in force: read once a version, entrances with their secrets, retired ones among them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from adapters.sources.meta_lead_ads import MetaOptions
from adapters.sources.registry import sources
from db.session import Database
from opv.house import House
from porteiro.configuration.apply import apply
from porteiro.configuration.houses import Houses
from schemas.errors import Retry
from tests.pipeline import counted
from tests.porteiro.configuration.test_apply import FIRST, NOW, SECOND, configuration

META = """
company: {timezone: America/Manaus}
channels:
  - key: meta
    source: meta_lead_ads
    secrets: ["${S}", "${OLD}"]
    options: {verify_token: "${S}", page_token: "${S}", api_url: "http://127.0.0.1:${S}"}
  - {key: site, source: form, secrets: ["${S}"], defaults: {medium: site}, mapping: {name: contato.nome}}
funnel: {stages: [{key: new, name: Novo}]}
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


def current(houses: Houses, database: Database) -> House:
    with database.read() as tx:
        return houses.current(tx)


def test_the_house_is_read_once_a_version(database: Database) -> None:
    houses = Houses(sources(), {"S": "um", "OLD": "dois"})
    with pytest.raises(Retry, match="porteiro apply"):
        current(houses, database)
    houses.refresh(database)
    assert houses.entrances() == {}

    apply(database, configuration(FIRST), by="rui", now=NOW)
    first = current(houses, database)
    with counted(database) as statements:
        assert current(houses, database) is first
    assert len([one for one in statements if one != "BEGIN"]) == 1

    apply(database, configuration(SECOND), by="rui", now=NOW)
    houses.refresh(database)
    second = current(houses, database)
    assert (first.version, second.version) == (1, 2)
    assert {key: one.retired for key, one in houses.entrances().items()} == {
        "zap": True,
        "site": False,
        "google": False,
    }
    zap = second.entrances[1]
    assert (zap.key, zap.source.slug, zap.secrets) == ("zap", "grupo_olx", ("um",))


def test_entrances_hold_the_values_of_variables(database: Database) -> None:
    apply(database, configuration(META), by="rui", now=NOW)
    house = current(Houses(sources(), {"S": "8019", "OLD": "velho"}), database)
    meta, site = house.entrance_by_key["meta"], house.entrance_by_key["site"]
    assert isinstance(meta.options, MetaOptions)
    assert meta.options.api_url == "http://127.0.0.1:8019"
    assert meta.options.page_token.get_secret_value() == "8019"
    assert meta.secrets == ("8019", "velho")
    assert str(site.timezone) == "America/Manaus"
    assert (site.defaults, site.mapping) == ({"medium": "site"}, {"name": "contato.nome"})
    assert "8019" not in repr(meta.options.page_token)


def test_an_unset_variable_costs_its_channel_alone(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    apply(database, configuration(META.replace("http://127.0.0.1:${S}", "http://${HOST}")), by="rui", now=NOW)
    houses = Houses(sources(), {"OLD": "velho"})
    with caplog.at_level(logging.WARNING):
        house = current(houses, database)
        current(houses, database)
    assert [entrance.secrets for entrance in house.entrances.values()] == [("velho",), ()]
    options = house.entrance_by_key["meta"].options
    assert isinstance(options, MetaOptions)
    assert options.verify_token.get_secret_value() not in ("", "${S}")
    assert sorted(record.getMessage() for record in caplog.records) == [
        "channel meta: HOST is not set; what needs it is refused",
        "channel meta: S is not set; what needs it is refused",
        "channel site: S is not set; what needs it is refused",
    ]


def test_a_channel_whose_source_is_gone_is_left_out(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    apply(database, configuration(FIRST), by="rui", now=NOW)
    apply(database, configuration(SECOND), by="rui", now=NOW)
    known = {slug: source for slug, source in sources().items() if slug != "grupo_olx"}
    with caplog.at_level(logging.WARNING):
        house = current(Houses(known, {"S": "um"}), database)
    assert set(house.entrance_by_key) == {"site", "google"}
    assert [record.getMessage() for record in caplog.records] == [
        "channel zap: there is no source grupo_olx; it is left out"
    ]

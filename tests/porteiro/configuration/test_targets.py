"""Targets in the file and in the house: their options, their secrets, who needs one; and the greeting."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from adapters.sources.registry import sources
from adapters.targets.sales_module import SalesModuleOptions
from db.session import Database
from porteiro.configuration.apply import apply
from porteiro.configuration.houses import Houses
from porteiro.configuration.load import load
from porteiro.configuration.schema import json_schema
from tests.porteiro.configuration.test_apply import NOW

SECRETS = {"TOKEN": "segredo-9", "HOST": "vende.example"}
STAGES = "funnel: {stages: [{key: new, name: Novo}]}\n"
GOOD = (
    STAGES
    + """
won_sale: {mode: documentation}
whatsapp: {target: fala, greeting: "Oi, {client}! {broker}, {company}, {development}, {opv}"}
targets:
  - {key: vende, target: sales_module, options: {api_url: "https://${HOST}/api", token: "${TOKEN}", lookup: false}}
  - {key: fala, target: conecta, options: {api_url: "https://fala.example", token: "${TOKEN}"}}
"""
)


def problems(text: str) -> list[str]:
    return [str(one) for one in load(text, "f.yaml", sources(), SECRETS)[1]]


def test_targets_that_are_right() -> None:
    assert problems(GOOD) == []


def test_what_is_wrong_is_told_with_its_line() -> None:
    text = (
        STAGES
        + """
won_sale: {mode: documentation}
whatsapp:
  greeting: "Olá, {cliente}! {"
  target: vende
targets:
  - {key: log, target: sales_modul}
  - {key: vende, target: sales_module, options: {api_url: "ftp://x", token: literal, lokup: true}}
  - {key: outra, target: sales_module, options: {api_url: "https://x", token: "${NADA}"}}
  - {key: fala, target: conecta}
"""
    )
    assert problems(text) == [
        "f.yaml:3:11: won_sale.target: there are several sales modules: write which one takes the sales",
        "f.yaml:5:13: whatsapp.greeting: there is no placeholder `{cliente}`, did you mean `client`?",
        "f.yaml:5:13: whatsapp.greeting: a brace without its other: a placeholder is written `{client}`",
        "f.yaml:6:11: whatsapp.target: `vende` is no `conecta` but a `sales_module`",
        "f.yaml:8:11: targets[0].key: `log` is a target of the house itself: take another key",
        "f.yaml:8:24: targets[0].target: there is no target `sales_modul`, did you mean `sales_module`?",
        "f.yaml:9:59: targets[1].options.api_url: `ftp://x` does not have the form `^https?://[^\\s?#]+$`",
        'f.yaml:9:77: targets[1].options.token: a secret does not stand in the file: write `"${TOKEN}"` and set it',
        "f.yaml:9:86: targets[1].options.lokup: unknown key `lokup`, did you mean `lookup`?",
        "f.yaml:10:79: targets[2].options.token: "
        "`NADA` is not set: set it in the environment or in `$PORTEIRO_VAR/env`",
        "f.yaml:11:5: targets[3].options.api_url: missing: write `api_url: …`",
        "f.yaml:11:5: targets[3].options.token: missing: write `token: …`",
    ]  # fmt: skip


def test_targets_that_tell_people() -> None:
    good = """
targets:
  - {key: email, target: smtp, options: {host: "${HOST}", username: u, password: "${TOKEN}", from: "X <x@y.example>"}}
  - {key: painel, target: webhook, options: {url: "https://${HOST}/avisos", secrets: ["${TOKEN}"]}}
"""
    assert problems(STAGES + good) == []
    wrong = """
targets:
  - {key: email, target: smtp, options: {host: smtp.example, security: ssl, password: literal, from: Casa, form: x}}
  - {key: outro, target: smtp, options: {host: x, security: none, username: u, password: "${TOKEN}", from: x@y}}
  - {key: painel, target: webhook, options: {url: "https://10.0.0.1/${TOKEN}", secrets: [literal, "${TOKEN}"]}}
  - {key: aberto, target: webhook, options: {url: "http://${HOST}/", secrets: []}}
  - {key: cofre, target: webhook, options: {url: "https://${HOST}/", secrets: ["${NADA}"], allow_http: talvez}}
"""
    assert problems(STAGES + wrong) == [
        "f.yaml:4:72: targets[0].options.security: `ssl` is unknown, known: `starttls`, `tls`, `none`",
        "f.yaml:4:87: targets[0].options.password: "
        'a secret does not stand in the file: write `"${PASSWORD}"` and set it',
        "f.yaml:4:102: targets[0].options.from: write an address, `Name <name@example.com>` or `name@example.com`",
        "f.yaml:4:108: targets[0].options.form: unknown key `form`, did you mean `from`?",
        "f.yaml:5:41: targets[1].options: a password goes over `security: starttls` or `tls` alone",
        "f.yaml:6:51: targets[2].options.url: this is an address of a private network: "
        "nothing is sent there without `allow_private: true`",
        "f.yaml:6:90: targets[2].options.secrets[0]: "
        'a secret does not stand in the file: write `"${SECRETS}"` and set it',
        "f.yaml:7:51: targets[3].options.url: write `https://…`, or `allow_http: true`: "
        "anybody on the way reads the message then",
        "f.yaml:7:79: targets[3].options.secrets: empty: write at least one",
        "f.yaml:8:80: targets[4].options.secrets[0]: "
        "`NADA` is not set: set it in the environment or in `$PORTEIRO_VAR/env`",
        "f.yaml:8:104: targets[4].options.allow_http: write true or false, not `talvez`",
    ]


def test_targets_that_are_told_of_stages() -> None:
    good = """
channels:
  - {key: rd, source: rd_station, secrets: ["${TOKEN}"]}
  - key: meta
    source: meta_lead_ads
    secrets: ["${TOKEN}"]
    options: {verify_token: "${TOKEN}", page_token: "${TOKEN}"}
targets:
  - key: rd
    target: rd_station
    options: {client_id: app, client_secret: "${TOKEN}", refresh_token: "${TOKEN}", stages: {new: Lead, won: Client}}
  - key: meta
    target: meta_conversions
    options: {dataset: "1234567890", access_token: "${TOKEN}", stages: {new: Novo lead, lost: Perdido}, match: [email]}
"""
    assert problems(STAGES + good) == []
    wrong = """
targets:
  - {key: rd, target: rd_station, options: {client_secret: x, stages: {news: Lead, won: Cliente}}}
  - {key: m, target: meta_conversions, options: {api_url: "http://x", dataset: ab, access_token: "${NADA}", stages: {}}}
"""
    assert problems(STAGES + wrong) == [
        "f.yaml:4:23: warning: targets[0].target: no channel has the source `rd_station`: nothing is told",
        "f.yaml:4:44: targets[0].options.client_id: missing: write `client_id: …`",
        "f.yaml:4:44: targets[0].options.refresh_token: missing: write `refresh_token: …`",
        "f.yaml:4:60: targets[0].options.client_secret: "
        'a secret does not stand in the file: write `"${CLIENT_SECRET}"` and set it',
        "f.yaml:4:72: targets[0].options.stages.news: there is no stage `news`, did you mean `new`?",
        "f.yaml:4:89: targets[0].options.stages.won: `Cliente` is unknown, did you mean `Client`?",
        "f.yaml:5:22: warning: targets[1].target: no channel has the source `meta_lead_ads`: nothing is told",
        "f.yaml:5:59: targets[1].options.api_url: write `https://…`, or `allow_http: true`: "
        "anybody on the way reads the message then",
        "f.yaml:5:80: targets[1].options.dataset: `ab` does not have the form `^[0-9]{5,20}$`",
        "f.yaml:5:98: targets[1].options.access_token: "
        "`NADA` is not set: set it in the environment or in `$PORTEIRO_VAR/env`",
        "f.yaml:5:117: targets[1].options.stages: empty: write at least one",
    ]


def test_documentation_needs_a_sales_module() -> None:
    assert problems(STAGES + "won_sale: {mode: documentation}\n") == [
        "f.yaml:2:18: won_sale.mode: `documentation` needs a target: add one of `sales_module` to `targets`"
    ]
    named = GOOD.replace("mode: documentation", "mode: documentation, target: fala")
    assert problems(named) == ["f.yaml:3:41: won_sale.target: `fala` is no `sales_module` but a `conecta`"]


def test_editors_know_the_options() -> None:
    schema = json_schema(sources())
    assert schema["$defs"]["Target"]["properties"]["target"]["enum"] == [
        "conecta", "meta_conversions", "rd_station", "sales_module", "smtp", "webhook",
    ]  # fmt: skip
    assert "lookup" in schema["$defs"]["target sales_module options"]["properties"]
    assert "from" in schema["$defs"]["target smtp options"]["properties"]
    assert "won" in schema["$defs"]["sales_module options"]["properties"]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    configuration, _ = load(GOOD, "f.yaml", sources(), SECRETS)
    assert configuration is not None
    apply(database, configuration, by="rui", now=NOW)
    yield database
    database.dispose()


def test_the_house_has_targets_with_their_secrets(database: Database) -> None:
    with database.read() as tx:
        found = Houses(sources(), SECRETS).current(tx).targets
    assert set(found) == {"vende", "fala"}
    options = found["vende"].options
    assert isinstance(options, SalesModuleOptions)
    assert (options.address("processes"), options.lookup) == ("https://vende.example/api/processes", False)
    assert options.token.get_secret_value() == "segredo-9"
    assert "segredo-9" not in repr(found)


def test_a_target_with_an_unset_variable_is_there_without_options(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), database.read() as tx:
        found = Houses(sources(), {"TOKEN": "x"}).current(tx).targets
    assert (found["vende"].options, found["fala"].options is None) == (None, False)
    assert [one.getMessage() for one in caplog.records] == ["target vende: HOST is not set; what goes there waits"]

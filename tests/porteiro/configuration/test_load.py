"""Reading a configuration: all errors at once, each where it is, in words that say what to write."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, field_validator

from adapters.sources.form import Form
from adapters.sources.form_keys import SYNONYMS
from adapters.sources.registry import sources
from porteiro.configuration import channels
from porteiro.configuration.load import load, load_file
from schemas.config import Configuration, InStage

HERE = Path(__file__).parent
SECRETS = {"META_VERIFY": "conferido-9", "SITE_TOKEN": "segredo-do-site"}

SMALL = "funnel: {stages: [{key: new, name: Novo}]}\n"


def problems(text: str, secrets: Mapping[str, str] = SECRETS) -> list[str]:
    return [str(problem) for problem in load(text, "f.yaml", sources(), secrets)[1]]


def read(text: str, secrets: Mapping[str, str] = SECRETS) -> Configuration:
    configuration, found = load(text, "f.yaml", sources(), secrets)
    assert configuration is not None, list(map(str, found))
    return configuration


def test_a_broken_file_shows_every_problem_with_its_line() -> None:
    configuration, found = load((HERE / "broken.yaml").read_text(), "porteiro.yaml", sources(), SECRETS)
    assert configuration is None
    assert "\n".join(map(str, found)) + "\n" == (HERE / "broken.txt").read_text()
    assert not any(value in str(problem) for problem in found for value in SECRETS.values())


def test_the_example_is_right(tmp_path: Path) -> None:
    example = tmp_path / "porteiro.yaml"
    shutil.copy(HERE.parents[2] / "porteiro.example.yaml", example)
    names = ("ZAP_SECRET", "META_APP_SECRET", "META_VERIFY", "META_TOKEN", "GOOGLE_KEY", "SITE_TOKEN")
    configuration, found = load_file(example, sources(), dict.fromkeys(names, "x"))
    assert found == []
    assert configuration is not None
    assert [channel.source for channel in configuration.channels] == [
        "grupo_olx", "meta_lead_ads", "google_lead_form", "form",
    ]  # fmt: skip
    trigger = configuration.automations[1].on
    assert isinstance(trigger, InStage)
    assert trigger.for_ == "3 business days"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2\nb: 3\n", "f.yaml:2:2: not YAML: expected ',' or ']', but got ':'"),
        ("a:\n\t- b\n", "f.yaml:2:1: a tab: indent with spaces"),
        ("channels: [{secrets: [${X}]}]\n", 'put quotes around a variable: ["${NAME}"]'),
        ("a: \x01\n", "f.yaml:1:4: the character U+0001 is not allowed"),
        ("---\na: 1\n---\nb: 2\n", "f.yaml:3:1: a second document begins here"),
        ("# nothing\n", "f.yaml:1:1: the file is empty"),
        ("- a\n", "f.yaml:1:1: the file is a mapping of sections"),
        ("a: !!python/object:os.system x\n", "f.yaml:1:4: tags as "),
        ("a: &a [*a]\n", "f.yaml:1:4: the file is nested deeper than 40 levels"),
        ("? [a]\n: b\n", "f.yaml:1:3: a key is a word"),
        ("[" * 500 + "]" * 500, "nested deeper than 40 levels"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper than 40 levels"),
        ("a: " + "x" * (2 * 1024 * 1024), "f.yaml:1:1: the file is larger than 2 MiB"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{c}: &{c} [{','.join([f'*{p}'] * 10)}]\n" for p, c in zip("abcdefg", "bcdefgh", strict=True)),
            "more than 200000 values",
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(text: str, expected: str) -> None:
    (found,) = problems(text)
    assert expected in found


def test_a_file_that_is_not_there_or_not_utf8_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read: no such file" in str(load_file(tmp_path / "no.yaml", sources(), {})[1][0])
    (tmp_path / "latin.yaml").write_bytes("a: b\nname: Jo\xe3o\n".encode("latin-1"))
    assert ":2:9: this is not UTF-8" in str(load_file(tmp_path / "latin.yaml", sources(), {})[1][0])
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load_file(tmp_path / "bom.yaml", sources(), {})[1] == []


def test_codes_and_words_keep_the_text_that_was_written() -> None:
    listings = "[0101, 101, 1_000, 12:30, 10.10, 1e3, 0x1F, +5511, no, on, 2024-01-31, 007, -0]"
    text = SMALL + f"developments: [{{key: 10, name: 22, listings: {listings}}}]\n"
    (development,) = read(text).developments
    assert (development.key, development.name) == ("10", "22")
    assert development.listings == listings.strip("[]").split(", ")


def test_anchors_are_read_and_booleans_are_true_and_false() -> None:
    text = "x: &s {key: new, name: Novo}\n"
    known = ", ".join(f"`{name}`" for name in list(Configuration.model_fields)[:24]) + ", …"
    assert problems(text + "funnel: {stages: [*s]}\n") == [f"f.yaml:1:1: x: unknown key `x`, known: {known}"]
    text = "funnel: &f {stages: [{key: new, name: Novo}]}\n"
    text += "people: [{key: rui, name: Rui, role: director, active: false}, {key: eva, name: Eva, role: ops}]\n"
    assert [person.active for person in read(text).people] == [False, True]


def test_people_of_presales_are_led_in_a_team_and_stand_in_queues_of_their_part() -> None:
    text = SMALL + (
        "people: [{key: paula, name: Paula, role: manager}, {key: pia, name: Pia, role: presales}]\n"
        "teams: [{key: sul, name: Sul, managers: [{person: paula, brokers: [%s]}]}]\n"
    )
    assert read(text % "pia").teams[0].managers[0].brokers == ["pia"]
    assert problems(text % "paula") == [
        "f.yaml:3:68: teams[0].managers[0].brokers[0]: `paula` is a manager, not a broker: name a broker, "
        "or write `role: broker` there"
    ]
    assert problems(text % "pia" + "distribution: {rules: [{key: q, queue: {brokers: [pia]}}]}\n") == [
        "f.yaml:4:40: warning: distribution.rules[0].queue: only people of pre-sales are in it, and they get no lead "
        "of sales: write `part: presales`"
    ]


def test_a_variable_must_be_set_and_is_never_shown() -> None:
    channel = SMALL + 'channels: [{key: meta, source: meta_lead_ads, secrets: ["${APP}"], options: %s}]\n'
    good = '{verify_token: "${V}", page_token: "${T}", api_url: "${URL}/v25.0"}'
    values = {"APP": "a", "V": "v", "T": "t", "URL": "http://127.0.0.1:8019"}
    options = read(channel % good, values).channels[0].options
    assert options == {"verify_token": "${V}", "page_token": "${T}", "api_url": "${URL}/v25.0"}
    where = "set it in the environment or in `$PORTEIRO_VAR/env`"
    assert problems(channel % good, {"V": "v", "T": "", "URL": "não é um endereço"}) == [
        f"f.yaml:2:57: channels[0].secrets[0]: `APP` is not set: {where}",
        f"f.yaml:2:112: channels[0].options.page_token: `T` is empty: {where}",
        "f.yaml:2:129: channels[0].options.api_url: `${URL}/v25.0` does not have the form `^https?://[^\\s?#]+$`",
    ]
    assert (
        "a variable is written `${NAME}`"
        in problems(channel % '{verify_token: "${a b}", page_token: "${T}"}', values)[0]
    )


def test_an_unknown_preset_is_told_with_the_nearest() -> None:
    channel = SMALL + 'channels: [{key: site, source: form, secrets: ["${SITE_TOKEN}"], options: {%s}}]\n'
    assert read(channel % "preset: elementor").channels[0].options == {"preset": "elementor"}
    assert problems(channel % "preset: elementr") == [
        "f.yaml:2:84: channels[0].options.preset: `elementr` is unknown, did you mean `elementor`?"
    ]
    assert problems(channel % "presets: elementor") == [
        "f.yaml:2:76: channels[0].options.presets: unknown key `presets`, did you mean `preset`?"
    ]


def test_every_field_that_the_form_knows_can_be_mapped() -> None:
    assert {field for field in SYNONYMS if "." not in field} <= set(channels.MAPPED_FIELDS)


def test_what_a_source_says_of_its_options_hides_the_values() -> None:
    class Options(BaseModel):
        endpoint: str

        @field_validator("endpoint")
        @classmethod
        def _refuse(cls, value: str) -> str:
            raise ValueError(f"cannot use {value}")

    class Strict(Form):
        slug = "strict"
        options_model = Options

    text = SMALL + 'channels: [{key: a, source: strict, secrets: ["${S}"], options: {endpoint: "x/${S}"}}]\n'
    (found,) = load(text, "f.yaml", {"strict": Strict()}, {"S": "segredo"})[1]
    assert found.message == "cannot use x/***"


def test_alarms_go_to_people_and_reconciliation_by_the_clock() -> None:
    text = (
        SMALL
        + """people: [{key: rui, name: Rui, role: director}, {key: ana, name: Ana, role: ops, active: false}]
channels:
  - {key: site, source: form, secrets: ["${SITE_TOKEN}"], reconcile: {every: 1 hour}}
  - key: meta
    source: meta_lead_ads
    secrets: ["${SITE_TOKEN}"]
    options: {verify_token: "${SITE_TOKEN}", page_token: "${SITE_TOKEN}", page_id: "104/", forms: [7, x]}
    reconcile: {every: 2 business days, window: 1 dia, evry: 1 hour}
alarms: {notify: [rui, ria, rui, ana], notifi: [rui]}
"""
    )
    expected = [
        "f.yaml:4:70: warning: channels[0].reconcile: Formulário (site, landing page, integração) has no API",
        "f.yaml:8:84: channels[1].options.page_id: `104/` does not have the form `^[0-9]{1,40}$`",
        "f.yaml:8:103: channels[1].options.forms[1]: `x` does not have the form `^[0-9]{1,40}$`",
        "f.yaml:9:24: channels[1].reconcile.every: `2 business days` cannot be waited for here: write at",
        "f.yaml:9:49: channels[1].reconcile.window: `1 dia` is no duration: write for example `30 minutes`,",
        "f.yaml:9:56: channels[1].reconcile.evry: unknown key `evry`, did you mean `every`?",
        "f.yaml:10:24: alarms.notify[1]: there is no person `ria`, did you mean `rui`?",
        "f.yaml:10:29: alarms.notify[2]: `rui` is named twice: remove one",
        "f.yaml:10:34: warning: alarms.notify[3]: `ana` is not active and is told nothing",
        "f.yaml:10:40: alarms.notifi: unknown key `notifi`, did you mean `notify`?",
    ]
    found = problems(text)
    assert [one[: len(begin)] for one, begin in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://crm.example.com/leads?token=${SITE_TOKEN}", ""),
        ("${CRM}", ""),
        ("${SITE_TOKEN}", "with its variables filled in this is no address"),
        ("https://${NAO_TEM}/x", "`NAO_TEM` is not set"),
        ("ftp://crm.example.com", "this is no address"),
        ("https://eu:senha@crm.example.com", "this is no address"),
        ("https://", "this is no address"),
    ],
)
def test_where_a_channel_sends_on_to_is_an_address(address: str, said: str) -> None:
    channel = f'channels: [{{key: site, source: form, secrets: ["${{SITE_TOKEN}}"], forward_to: "{address}"}}]\n'
    found = problems(SMALL + channel, {**SECRETS, "CRM": "http://127.0.0.1:9/x"})
    assert len(found) == bool(said), found
    assert said in "".join(found)
    assert "segredo" not in "".join(found)


def test_what_is_denied_can_be_compared_and_traps_are_no_fields() -> None:
    assert problems(SMALL + "junk: {form: {links_in_name: false, per_address: {}}}\n") == []
    wrong = """
junk:
  deny: {phones: ["123", "11 98888-7777"], emails: [ninguem], documents: ["111.111.111-11"], patterns: ["re:(", ok]}
  form: {honeypot: [email, apelido_secreto], min_seconds: -1, rendered_at: nome, per_address: {per: já}}
"""
    said = [problem.split(": ", 1)[1] for problem in problems(SMALL + wrong.lstrip())]
    assert [one.split(":")[0] for one in said] == [
        "junk.deny.phones[0]", "junk.deny.emails[0]", "junk.deny.documents[0]", "junk.deny.patterns[0]",
        "junk.form.honeypot[0]", "junk.form.min_seconds", "junk.form.rendered_at", "junk.form.per_address.per",
    ]  # fmt: skip
    assert "this is not a phone with its area code" in said[0]
    assert "this is no regular expression" in said[3]
    assert "is read as a field of the lead" in said[4]

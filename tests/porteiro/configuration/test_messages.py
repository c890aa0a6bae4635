"""What automations say, in the file: each mistake with its line, and nothing said of what is right."""

from __future__ import annotations

from adapters.sources.registry import sources
from porteiro.configuration.load import load

SECRETS = {"TOKEN": "whsec_Y2hhdmUtZGUtdGVzdGUtY29tLTI0LWJ5"}
HOUSE = """funnel: {stages: [{key: new, name: Novo}]}
people: [{key: rui, name: Rui, role: director}]
fields: [{key: unit-type, name: Tipo}]
targets:
  - {key: email, target: smtp, options: {host: smtp.example, from: x@y.example}}
  - {key: fala, target: conecta, options: {api_url: "https://fala.example", token: "${TOKEN}"}}
  - {key: painel, target: webhook, options: {url: "https://a.example/avisos", secrets: ["${TOKEN}"]}}
  - {key: vende, target: sales_module, options: {api_url: "https://x.example/api", token: "${TOKEN}"}}
"""
DO = "automations:\n  - {key: a, on: opv.created, do: [\n"


def problems(*actions: str, more: str = "") -> list[str]:
    """What is wrong, from the line of the first action on, which is 1."""
    text = HOUSE + more + DO + ",\n".join(actions) + "\n]}\n"
    before = (HOUSE + more + DO).count("\n")
    found = [str(one) for one in load(text, "f.yaml", sources(), SECRETS)[1]]
    return [
        f"{int(line) - before}:{rest.partition(' automations[0].do')[2]}"
        for _, line, rest in (one.split(":", 2) for one in found)
    ]


def test_what_is_right() -> None:
    links = 'notices: {address: "https://leads.example", secret: "${TOKEN}"}\n'
    good = (
        """{comment: "{{ client.name }} {{ fields['unit-type'] | default('?') }}"}""",
        "{notify: rui}",
        '{notify: {to: [broker, team, ops, rui], via: [log, email, fala], subject: x, text: "{{ link }}"}}',
        "{message: {via: email, text: Oi}}",
        '{message: {via: fala, template: oi, values: ["{{ client.first_name }}"]}}',
        "{message: {via: painel, template: oi}}",
        '{post: {to: painel, body: {a: [{b: "{{ opv.number }}"}]}}}',
    )
    assert problems(*good, more=links + 'messages: {quiet_hours: {from: "21:00", to: "08:00", days_off: true}}\n') == []


def test_what_each_target_needs() -> None:
    assert problems(
        "{message: {via: vende, text: x}}",
        "{message: {via: emal, text: x}}",
        "{message: {via: email, template: x, values: [y]}}",
        "{message: {via: fala, text: x, template: y, subject: z}}",
        "{message: {via: fala, values: [x]}}",
        "{message: {via: painel}}",
        "{post: {to: email}}",
        "{post: {to: nada}}",
    ) == [
        "1:[0].message.via: `vende` is a `sales_module`, which writes to no client: "
        "name one of `smtp`, `conecta`, `webhook`",
        "2:[1].message.via: there is no target `emal`, did you mean `email`?",
        "3:[2].message.text: an e-mail needs a text: write `text: …`",
        "3:[2].message.template: an e-mail has no `template`: write `text`",
        "3:[2].message.values: an e-mail has no `values`: write `text`",
        "4:[3].message.text: a message has a `text` or a `template`: keep one",
        "4:[3].message.subject: there is no subject on WhatsApp: remove it",
        "5:[4].message.text: write a `text`, or the name of a WhatsApp `template`",
        "5:[4].message.values: `values` fill the places of a `template`: name it",
        "6:[5].message.text: write a `text`, or the name of a WhatsApp `template`",
        "7:[6].post.to: `email` is a `smtp`, which takes no posts: name one of `webhook`",
        "8:[7].post.to: there is no target `nada`, known: `painel`",
    ]


def test_who_is_told_and_within_branches() -> None:
    assert problems(
        "{notify: riu}",
        "{notify: {to: [brokr, rui, rui], via: [vende, nada]}}",
        "{branch: {if: {source: form}, then: [{notify: x}], "
        "else: [{branch: {if: {source: form}, then: [{notify: y}]}}]}}",
    ) == [
        "1:[0].notify: there is nobody called `riu`, did you mean `rui`?",
        "2:[1].notify.to[0]: there is nobody called `brokr`, did you mean `broker`?",
        "2:[1].notify.to[2]: `rui` is named twice: remove one",
        "2:[1].notify.via[0]: `vende` is a `sales_module`, which tells people nothing: "
        "name one of `smtp`, `webhook`, `conecta`",
        "2:[1].notify.via[1]: there is no target `nada`, known: `email`, `fala`, `painel`, `log`",
        "3:[2].branch.then[0].notify: there is nobody called `x`, "
        "known: `broker`, `manager`, `team`, `directors`, `ops`, `rui`",
        "3:[2].branch.else[0].branch.then[0].notify: there is nobody called `y`, "
        "known: `broker`, `manager`, `team`, `directors`, `ops`, `rui`",
    ]


def test_templates_wherever_they_stand() -> None:
    wrong = '"{{ client.nome }}"'
    places = (
        f"{{comment: {wrong}}}",
        f"{{notify: {{to: rui, subject: {wrong}}}}}",
        f"{{notify: {{to: rui, text: {wrong}}}}}",
        f"{{message: {{via: email, text: x, subject: {wrong}}}}}",
        f"{{message: {{via: email, text: {wrong}}}}}",
        f"{{message: {{via: fala, template: x, values: [y, {wrong}]}}}}",
        f"{{post: {{to: painel, body: {{a: [3, {{b: {wrong}}}]}}}}}}",
        f"{{pending: {{title: {wrong}}}}}",
        f"{{set: {{unit-type: {wrong}}}}}",
        f"{{branch: {{if: {{source: form}}, then: [{{comment: {wrong}}}]}}}}",
    )
    found = problems(*places)
    told = "there is nothing called `client.nome`, did you mean `client.name`?"
    assert [one.partition(": ")[2] for one in found] == [told] * len(places)
    assert [int(one.partition(":")[0]) for one in found] == list(range(1, len(places) + 1))


def test_what_a_template_may_not() -> None:
    found = problems(
        '{notify: {to: rui, text: "{{ link }}"}}',
        '{comment: "{% for x in y %}{% endfor %}"}',
        '{comment: "{{ fields.cor }}"}',
        '{comment: "a\\nb {{ client.name "}',
    )
    assert [one.partition(", known")[0] for one in found] == [
        "1:[0].notify.text: there is nothing called `link`",
        "2:[1].comment: `for` is not read here: write names, `if` and filters alone",
        "3:[2].comment: there is nothing called `fields.cor`",
        "4:[3].comment: in line 2 of the text, unexpected end of template, expected 'end of print statement'",
    ]


def test_quiet_hours() -> None:
    wrong = 'messages: {quiet_hours: {from: "2000", to: 25h}}\n'
    same = 'messages: {quiet_hours: {from: "08:00", to: "08:00"}}\n'
    found = [str(one) for text in (wrong, same) for one in load(HOUSE + text, "f.yaml", sources(), SECRETS)[1]]
    assert found == [
        'f.yaml:9:32: messages.quiet_hours.from: `2000` is no time of day: write it as `"20:00"`',
        'f.yaml:9:44: messages.quiet_hours.to: `25h` is no time of day: write it as `"20:00"`',
        "f.yaml:9:25: messages.quiet_hours: quiet hours end at another time than they begin",
    ]

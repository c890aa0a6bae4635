"""What `check` says of queues and rules, on which line."""

from __future__ import annotations

import pytest

from tests.porteiro.configuration.test_load import problems

HOUSE = """people:
  - {key: rui, name: Rui, role: director}
  - {key: paula, name: Paula, role: manager}
  - {key: ana, name: Ana, role: broker, tags: [alto-padrao], creci: "1-F"}
  - {key: bia, name: Bia, role: broker, shifts: ["holidays 09:00-18:00"]}
  - {key: caio, name: Caio, role: broker, active: false}
  - {key: pia, name: Pia, role: presales}
  - {key: nina, name: Nina, role: manager}
teams:
  - {key: sul, name: Sul, managers: [{person: paula, brokers: [ana, bia, caio, pia]}]}
  - {key: vazia, name: Vazia, managers: [{person: paula, brokers: []}]}
developments:
  - {key: jardim, name: Jardim, listings: [AP-1], listing_brokers: {AP-1: ana}, teams: [sul]}
  - {key: mirante, name: Mirante}
stands:
  - {key: orla, name: Orla, roster: [{when: sat 09:00-18:00, brokers: [bia]}]}
withdrawal_reasons:
  - {key: price, name: Preço}
  - {key: loan, name: Crédito, sub_reasons: [{key: rate, name: Juros}]}
targets:
  - {key: crm, target: sales_module, options: {api_url: "https://x.example", token: "${SITE_TOKEN}"}}
  - {key: fala, target: conecta, options: {api_url: "https://x.example", token: "${SITE_TOKEN}"}}
"""
STAGES = "funnel: {stages: [{key: new, name: Novo}]}\n"
EARLY = "funnel: {stages: [{key: sdr, name: SDR, kind: presales}, {key: new, name: Novo}]}\n"


def said(text: str, stages: str = STAGES) -> list[str]:
    """The problems of a house with this besides, without the file's name; lines count from the text's first."""
    before = (HOUSE + stages).count("\n")
    found = (problem.split(":", 3) for problem in problems(HOUSE + stages + text))
    return [f"{int(line) - before}:{message}" for _, line, _, message in found]


def rules(*written: str) -> str:
    return "distribution:\n  rules:" + "".join(f"\n    - {rule}" for rule in written) + "\n"


def queue(written: str) -> str:
    return rules(f"{{key: a, queue: {{{written}}}}}")


@pytest.mark.parametrize(
    "text",
    [
        "notices: {assigned: [fala, log], secret: '${SITE_TOKEN}', address: 'https://leads.example.com'}\n",
        queue(
            "teams: [sul], skills: {any: [alto-padrao]}, needs_creci: true, accept: {within: 9 minutes, then: paula}"
        ),
        rules("{key: returning, owner: {for: 90 days}}", "{key: listing-broker, listing_broker: {}}"),
        rules("{key: p, when: {source: form}, exempt: {to: paula}}", "{key: a, queue: {brokers: [ana]}}"),
        rules("{key: b, when: {development: jardim}, queue: {strategy: draw}}", "{key: a, queue: {brokers: [ana]}}"),
        "queues: [{key: q, teams: [sul]}, {key: r, stand: orla, brokers: [bia]}]\n"
        + rules("{key: a, when: {price: {gte: 10}}, queue: r, fallback: [q]}", "{key: b, queue: q}"),
        rules("{key: a, when: {state: SP}, queue: {teams: [sul]}}", "{key: b, when: {city: Santos}, owner: {}}"),
    ],
)
def test_a_house_that_is_right_is_told_nothing(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # Who is not there.
        (queue("brokers: [ana, bea]"), "3: distribution.rules[0].queue.brokers[1]: there is no person `bea`, did"),
        (queue("teams: [sul, sol]"), "3: distribution.rules[0].queue.teams[1]: there is no team `sol`, did you mean"),
        (queue("teams: [sul], stand: orle"), "3: distribution.rules[0].queue.stand: there is no stand `orle`, did you"),
        (
            queue("brokers: [ana], strategy: weighted, weights: {bia: 2}"),
            "3: distribution.rules[0].queue.weights.bia: `bia` is not in this queue and has no turns, known: `ana`",
        ),
        (rules("{key: a, queue: q}"), "3: distribution.rules[0].queue: there is no queue `q`, there is none yet"),
        (
            rules("{key: a, queue: {teams: [sul]}, fallback: [q]}"),
            "3: distribution.rules[0].fallback[0]: there is no queue `q`, there is none yet",
        ),
        (queue("teams: [sul, vazia]"), "3: warning: distribution.rules[0].queue.teams[1]: team `vazia` has"),
        # Whom OPVs may go to.
        (rules("{key: a, exempt: {to: caio}}"), "3: distribution.rules[0].exempt.to: `caio` is not active: name"),
        (
            queue("teams: [sul], accept: {within: 9 minutes, otherwise: nxt}"),
            "3: distribution.rules[0].queue.accept.otherwise: `nxt` is no way and no person, did you mean `next`?",
        ),
        (
            queue("teams: [sul], strategy: first_to_claim, offer: {otherwise: paulo}"),
            "3: distribution.rules[0].queue.offer.otherwise: `paulo` is no way and no person, did you mean `paula`?",
        ),
        (
            rules("{key: a, owner: {}, accept: {within: 9 minutes, then: pool}}"),
            "3: distribution.rules[0].accept.then: there is no queue here that has a pool: write `next`, `manager`",
        ),
        (
            "distribution: {invalid_leads: {reason: prise}}\n",
            "1: distribution.invalid_leads.reason: there is no withdrawal reason `prise`, did you mean `price`?",
        ),
        ("distribution: {invalid_leads: {confirm: rule}}\n", "1: distribution.invalid_leads: no reason is automatic:"),
        (
            "distribution: {invalid_leads: {reason: loan}}\n",
            "1: distribution.invalid_leads: the reason `loan` needs a sub-reason, which is not asked for here: name",
        ),
        (
            "distribution: {invalid_leads: {reason: price, when: {source: form}}}\n",
            "1: warning: distribution.invalid_leads.when: a manager confirms all of them: write `confirm: rule` for",
        ),
        ("notices: {assigned: [fila]}\n", "1: notices.assigned[0]: there is no target `fila`, did you mean `fala`?"),
        ("notices: {offered: [crm]}\n", "1: notices.offered[0]: `crm` is a `sales_module`, which tells people"),
        ("notices: {secret: abc}\n", "1: notices.secret: a secret does not stand in the file: write"),
        ("notices: {secret: '${LINK}'}\n", "1: notices.secret: `LINK` is not set: set it in the environment or in"),
        # Queues in which nobody can be.
        (queue("teams: [vazia]"), "3: warning: distribution.rules[0].queue: nobody is in it: name `teams` with"),
        (queue("brokers: [caio]"), "3: warning: distribution.rules[0].queue: nobody in it is active: name others"),
        (
            queue("brokers: [bia, caio], needs_creci: true"),
            "3: warning: distribution.rules[0].queue: nobody in it has a licence: write `creci: …` at the people,",
        ),
        (
            queue("teams: [sul], skills: {all: [alto-padrao, ingles]}"),
            "3: warning: distribution.rules[0].queue: nobody in it has the tags that its `skills` ask for",
        ),
        (
            queue("brokers: [ana], stand: orla"),
            "3: warning: distribution.rules[0].queue: nobody in it is ever on the roster of the stand `orla`",
        ),
        (
            queue("brokers: [bia, caio]"),
            "3: warning: distribution.rules[0].queue: nobody in it works on any day of the week, by their `shifts`",
        ),
        (
            rules("{key: a, queue: {teams: [sul]}, skills: {none: [alto-padrao], all: [ingles]}}"),
            "3: warning: distribution.rules[0].skills: nobody in the rule's queue has these tags",
        ),
        ("queues: [{key: q, teams: [sul]}]\n", "1: warning: queues[0]: no rule leads to the queue `q`"),
        (
            rules("{key: a, when: {development: {exists: true}}, queue: {strategy: draw}}"),
            "3: warning: distribution.rules[0].queue: the queue is of the lead's development, and has nobody for "
            "`mirante`: name",
        ),
        # Conditions that never hold.
        (
            rules("{key: a, when: {development: jardim, all: [{development: mirante}]}, queue: {teams: [sul]}}"),
            "3: distribution.rules[0].when.development: this never holds: what is asked of `development` excludes",
        ),
        (
            rules("{key: a, when: {price: {gte: 10, lt: 5}}, queue: {teams: [sul]}}"),
            "3: distribution.rules[0].when.price: this never holds: what is asked of `price` excludes itself",
        ),
        (
            "automations: [{key: a, on: opv.won, when: {city: {eq: Itu, not: itu}}, do: [{notify: broker}]}]\n",
            "1: automations[0].when.city: this never holds: what is asked of `city` excludes itself",
        ),
        # Rules that are never reached, or do nothing.
        (
            rules("{key: a, queue: {teams: [sul]}}", "{key: b, when: {city: Santos}, queue: {brokers: [ana]}}"),
            "4: warning: distribution.rules[1]: never reached: rule `a` before it takes every lead",
        ),
        (
            rules(
                "{key: a, when: {city: [Santos, Itu], price: {gt: 5}}, queue: {teams: [sul]}}",
                "{key: b, when: {city: santos, price: {gte: 9}, state: SP}, directed: {}}",
            ),
            "4: warning: distribution.rules[1]: never reached: rule `a` before it takes all that it would",
        ),
        (
            rules(
                "{key: a, when: {development: {exists: true}}, queue: {teams: [sul]}}",
                "{key: b, when: {development: {exists: false}}, queue: {brokers: [ana]}}",
                "{key: c, queue: {teams: [sul]}}",
            ),
            "5: warning: distribution.rules[2]: never reached: the rules before it take all that it would",
        ),
        (
            rules("{key: a, directed: {}, when: {state: SP}}", "{key: b, when: {state: SP}, directed: {}}"),
            "4: warning: distribution.rules[1]: it does what rule `a` (line 26) does: remove one",
        ),
        (
            rules("{key: transfer, queue: {teams: [sul]}}"),
            "3: distribution.rules[0].key: decisions that no rule took are told of as `transfer`: take another key",
        ),
        (
            rules("{key: returning, directed: {}}"),
            "3: distribution.rules[0].key: decisions that no rule took are told of as `returning`: take another key",
        ),
        (
            "queues: [{key: q, teams: [sul]}]\n" + rules("{key: a, queue: q, fallback: [q]}"),
            "4: distribution.rules[0].fallback[0]: the rule falls back to its own queue: remove it",
        ),
        (
            "queues: [{key: q, teams: [sul]}]\n" + rules("{key: a, queue: {brokers: [ana]}, fallback: [q, q]}"),
            "4: distribution.rules[0].fallback[1]: `q` is named twice: remove one",
        ),
        (
            "queues: [{key: q, teams: [sul]}]\n"
            + rules("{key: a, queue: {brokers: [ana], strategy: manual}, fallback: [q]}"),
            "4: warning: distribution.rules[0].fallback[0]: never asked: a queue of the strategy `manual` keeps every",
        ),
        (
            rules("{key: a, owner: {}, skills: {all: [x]}}"),
            "3: warning: distribution.rules[0].skills: this says who of a queue may have the lead: here it does",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str) -> None:
    (found,) = said(text)
    assert found.startswith(problem)


PIA = "{key: sdr, part: presales, queue: {brokers: [pia]}}"
ANA = "{key: sales, queue: {brokers: [ana]}}"


@pytest.mark.parametrize(
    ("stages", "text", "problem"),
    [
        (EARLY, rules(PIA, ANA), None),
        (STAGES, rules(PIA, ANA), "3: distribution.rules[0].part: no stage is of pre-sales: write `kind: presales` at"),
        (EARLY, rules(ANA), "0: warning: funnel.stages[0]: no rule is of `part: presales`: OPVs in this stage are"),
        (EARLY, rules(PIA), "3: warning: distribution.rules[0]: no rule is of sales, so that nobody gets an OPV"),
        (
            "funnel: {stages: [{key: new, name: Novo}, {key: sdr, name: SDR, kind: presales}]}\n",
            rules(PIA, ANA),
            "3: warning: distribution.rules[0].part: OPVs begin in `new`, which is no stage of pre-sales: write",
        ),
        (
            "funnel: {stages: [{key: sdr, name: SDR, kind: presales}]}\n",
            rules(PIA, ANA),
            "0: funnel.stages[0]: every stage is of pre-sales, so that no OPV comes to sales: add a stage of sales",
        ),
        (
            EARLY,
            rules("{key: sdr, part: presales, queue: {brokers: [ana]}}", ANA),
            "3: warning: distribution.rules[0].queue: nobody of pre-sales is in it: name people of `role: presales`",
        ),
        (
            EARLY,
            rules(PIA, "{key: sales, queue: {brokers: [pia]}}"),
            "4: warning: distribution.rules[1].queue: only people of pre-sales are in it, and they get no lead of",
        ),
        (
            EARLY,
            rules(PIA, "{key: sales, queue: {brokers: [ana, pia]}}"),
            "4: warning: distribution.rules[1].queue.brokers[1]: `pia` is of `role: presales` and gets nothing of a",
        ),
        (
            EARLY,
            "queues: [{key: q, teams: [sul]}]\n" + rules("{key: a, part: presales, queue: q}", "{key: b, queue: q}"),
            "1: queues[0]: rules of sales (`b`) and of pre-sales (`a`) would share its turns: write one for each",
        ),
        (
            EARLY,
            rules("{key: o, part: presales, owner: {}}", PIA, ANA),
            "3: warning: distribution.rules[0].owner: nobody of pre-sales is found so: rules of `part: presales` lead",
        ),
        (
            STAGES.replace("Novo", "Novo, expiry: {after: 2 days, then: ze}"),
            rules(ANA),
            "0: funnel.stages[0].expiry.then: `ze` is no way and no person,",
        ),
    ],
)
def test_pre_sales_and_sales_follow_each_other(stages: str, text: str, problem: str | None) -> None:
    found = said(text, stages)
    assert [one[: len(problem or "")] for one in found] == ([problem] if problem else [])


def test_listings_have_brokers_of_the_house() -> None:
    text = HOUSE.replace("AP-1: ana", "AP-1: ana, AP-2: pia").replace("[AP-1]", "[AP-1, AP-3]")
    found = [one.split(": ", 1)[1] for one in problems(text + STAGES)]
    assert found == [
        "developments[0].listing_brokers.AP-2: the development has no listing `AP-2`, known: `AP-1`, `AP-3`",
        "developments[0].listing_brokers.AP-2: `pia` is a presales, not a broker: name a broker, or write "
        "`role: broker` there",
    ]


def test_people_are_not_called_as_the_ways_that_an_opv_may_go() -> None:
    text = "people: [{key: pool, name: Pool, role: director}]\n"
    assert problems(STAGES + text) == [
        "f.yaml:2:16: people[0].key: `pool` has a meaning in `otherwise`: take another key"
    ]

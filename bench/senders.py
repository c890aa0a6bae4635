"""The senders of mixed traffic: one channel of every source, and what each of them does besides sending leads.

Nothing here reads a lead: requests come from the sources' own samples, changed in their bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapters.sources.registry import sources
from schemas.source import Entrance

TALKS = frozenset({"blip", "chatwoot", "jivochat", "twilio_call"})
"""Sources whose messages and calls go into the history of an OPV that is open."""
CHATS = TALKS | {"whatsapp_cloud"}
"""Sources on which a link may stand in the name. WhatsApp's sample comes from an advertisement: always a capture."""
WITHOUT_EMAIL = frozenset({"twilio_call", "whatsapp_cloud"})
WITHOUT_ID = frozenset({"blip"})
"""What it says is its identity: another person's data under the same id cannot be."""
WITHOUT_LEADS = frozenset({"sales_module", "trigger"})
"""Sources that tell of OPVs under way and bring nobody."""
UNASSIGNED = "tally"
"""The channel of whose leads no rule takes any."""
TRAP = "confirme_o_fax"
"""The form's field that people do not see."""
DENIED_PATTERN = "ganhe dinheiro"

_SIGNED_BODY = frozenset({"meta_lead_ads", "whatsapp_cloud"})
_BASIC = frozenset({"chaves_na_mao", "grupo_olx"})
_UNBREAKABLE = frozenset({"google_lead_form", "linkedin_lead_gen", "twilio_call"})
"""Their key is in the body, or their signature is over more than that."""
_PUBLIC = "https://leads.example.com.br/hooks"
_TOKEN = "TRAFFIC_TOKEN"  # noqa: S105 - the variable's name

Person = Mapping[str, str]


class Sent(NamedTuple):
    """A request: headers and body."""

    headers: dict[str, str]
    body: bytes


class Testing(NamedTuple):
    """How a platform marks its test leads: something of the person, or bytes of the request or its API's answer; and
    under what reason they are kept."""

    person: Person = MappingProxyType({})
    sent: bytes = b""
    instead: bytes = b""
    reason: str = "test_lead"


TESTS: Mapping[str, Testing] = {
    "form": Testing(sent=b"{", instead=b'{"teste": true, '),
    "google_lead_form": Testing(sent=b'"is_test": false', instead=b'"is_test": true'),
    "grupo_olx": Testing({"email": "nome.consumidor@email.com"}, b"%024x", b"59ee0fc6e4b043e1b2a6d863"),
    "linkedin_lead_gen": Testing(sent=b'"testLead": false', instead=b'"testLead": true'),
    "meta_lead_ads": Testing({"email": "test@meta.com"}, reason="testing_tool"),
    "whatsapp_cloud": Testing({"phone": "+16315551181"}, reason="dashboard_test"),
}


class Senders:
    """All of them, as one installation knows them. `api` is where the platforms' API is served out of `answers`."""

    def __init__(self, api: str) -> None:
        self.answers: dict[str, bytes] = {}
        self._options = _options(api)
        self._sources = {slug: source for slug, source in sources().items() if slug not in WITHOUT_LEADS}
        self._doors = {slug: self._entrance(slug, _secrets(slug)) for slug in self._sources}
        self.channels: Sequence[str] = sorted(self._sources)
        self.cards = [key for key in self.channels if key not in TALKS]
        """Channels of which every new submission makes a card."""
        self.breakable = [key for key in self.channels if key not in _UNBREAKABLE]
        nobody = {"name": "", "phone": "+5511900000000", "email": ""}
        self.pointing = frozenset(
            slug for slug, door in self._doors.items() if self._sources[slug].sample(door, nobody, 0)[2]
        )
        """Channels whose deliveries hold ids alone."""

    @property
    def environment(self) -> dict[str, str]:
        """The secrets that the configuration names."""
        named = {f"{_variable(slug)}_{n}": value for slug in self._sources for n, value in enumerate(_secrets(slug))}
        return {**named, _TOKEN: "token-exemplo-0123456789"}

    def configuration(self, deny: Sequence[Person]) -> str:
        """The configuration file (YAML): a channel of each source under its slug, two secrets each. Of the persons
        to `deny` the phone of the first half, the e-mail of the second is on the list."""
        half = len(deny) // 2
        brokers = [{"key": f"broker-{n}", "name": f"Pessoa {n} Corretora", "role": "broker"} for n in range(1, 8)]
        document = {
            "people": [{"key": "paula", "name": "Paula Gerente", "role": "manager"}, *brokers],
            "teams": [{"key": "sul", "name": "Equipe Sul", "managers": [
                {"person": "paula", "brokers": [one["key"] for one in brokers]},
            ]}],
            "developments": [{"key": "jardim", "name": "Residencial Jardim", "listings": ["AP-0101"]}],
            "channels": [
                {"key": slug, "source": slug, "options": self._options.get(slug, {}),
                 "secrets": [f"${{{_variable(slug)}_{n}}}" for n in range(2)]}
                for slug in self.channels
            ],
            "funnel": {"stages": [{"key": "new", "name": "Novo lead"}, {"key": "contacted", "name": "Em atendimento"}]},
            "distribution": {"rules": [
                {"key": "any", "when": {"not": {"channel": UNASSIGNED}}, "queue": {"teams": ["sul"]}},
            ]},
            "automations": [{"key": "first-contact", "on": "opv.assigned", "do": [{"advance": "contacted"}]}],
            "junk": {
                "deny": {
                    "phones": [one["phone"] for one in deny[:half]], "emails": [one["email"] for one in deny[half:]],
                    "patterns": [DENIED_PATTERN],
                },
                "form": {"honeypot": [TRAP]},
            },
        }  # fmt: skip
        return json.dumps(document, ensure_ascii=False, indent=1)  # JSON is YAML

    def lead(self, channel: str, number: int, person: Person, *, secret: int = 0) -> Sent:
        """A lead, signed with one of the channel's secrets; `number` names the submission."""
        return self._sample(channel, number, person, self._doors[channel].secrets[secret])

    def without_id(self, channel: str, number: int, person: Person) -> Sent:
        """A lead of `cv_crm` without the header that is its only id."""
        sent = self.lead(channel, number, person)
        return sent._replace(headers={k: v for k, v in sent.headers.items() if k != "Idempotency-Key"})

    def forged(self, channel: str, number: int, person: Person) -> Sent:
        """A lead under a secret that is not the channel's."""
        return self._sample(channel, number, person, "segredo-de-outro-lugar")

    def trapped(self, channel: str, number: int, person: Person) -> Sent:
        """A lead of `form` with the field filled in that people do not see."""
        sent = self.lead(channel, number, person)
        return sent._replace(body=sent.body.replace(b"{", b'{"%b": "sim", ' % TRAP.encode(), 1))

    def vanished(self, channel: str, number: int, person: Person) -> Sent:
        """A notification of a lead that the platform then does not give."""
        headers, body, _ = self._sources[channel].sample(self._doors[channel], person, number)
        return Sent(headers, body)

    def test(self, channel: str, number: int, person: Person) -> Sent:
        """The platform's own test lead."""
        mark = TESTS[channel]
        old = mark.sent % number if b"%" in mark.sent else mark.sent
        door = self._doors[channel]
        headers, body, answers = self._sources[channel].sample(door, {**person, **mark.person}, number)
        if old:
            body = body.replace(old, mark.instead, 1)
            answers = {lead: answer.replace(old, mark.instead, 1) for lead, answer in answers.items()}
        self.answers.update(answers)
        return Sent(headers, body)

    def raw(self, channel: str, body: bytes) -> Sent:
        """Any bytes, in the channel's name."""
        secret, headers = self._doors[channel].secrets[0], {"Content-Type": "application/json"}
        if channel in _SIGNED_BODY:
            signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            return Sent({**headers, "X-Hub-Signature-256": f"sha256={signature}"}, body)
        if channel in _BASIC:
            nobody = {"name": "", "phone": "", "email": ""}
            return Sent(self._sources[channel].sample(self._doors[channel], nobody, 0)[0], body)
        return Sent({**headers, "X-Lead-Key": secret}, body)

    def _sample(self, channel: str, number: int, person: Person, secret: str) -> Sent:
        door = replace(self._doors[channel], secrets=(secret,))
        headers, body, answers = self._sources[channel].sample(door, person, number)
        self.answers.update(answers)
        if channel == "cv_crm":  # its sample's body says nothing of the number
            body = body.replace(b"{", b'{"mensagem": "Quero visitar (%d)", ' % number, 1)
        return Sent(headers, body)

    def _entrance(self, slug: str, secrets: tuple[str, ...]) -> Entrance:
        source = self._sources[slug]
        options = source.options_model.model_validate(self._options.get(slug, {}))
        return Entrance(slug, 0, source, secrets, options, ZoneInfo("America/Sao_Paulo"))


def _options(api: str) -> dict[str, dict[str, str]]:
    token = f"${{{_TOKEN}}}"
    return {
        "hubspot": {"access_token": token, "api_url": api, "public_url": f"{_PUBLIC}/hubspot"},
        "linkedin_lead_gen": {"access_token": token, "api_url": api},
        "meta_lead_ads": {"verify_token": token, "page_token": token, "api_url": api},
        "twilio_call": {"public_url": f"{_PUBLIC}/twilio_call"},
        "whatsapp_cloud": {"verify_token": token},
    }


def _variable(slug: str) -> str:
    return f"TRAFFIC_{slug.upper()}"


def _secrets(slug: str) -> tuple[str, ...]:
    return (f"segredo-{slug}-antigo", f"segredo-{slug}-novo")

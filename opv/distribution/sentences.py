"""A decision in one Portuguese sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opv.actions import TRANSFER_RULE
from opv.capture import MANUAL_RULE
from opv.distribution.returns import RETURN_RULE
from opv.distribution.words import STRATEGIES, word
from opv.house import House
from schemas.why import Decided

_WAYS = {
    "owner": "já atendia o cliente",
    "directed": "foi quem o remetente do lead indicou",
    "listing_broker": "captou o imóvel do anúncio",
    "exempt": "recebe estes leads sem fila",
}
"""Why a rule names a person."""

_PARTS = {"presales": " no pré-atendimento", "second": " como segundo corretor"}


@dataclass(frozen=True, slots=True)
class Told:
    """A decision over the OPV `number`, as a sentence needs it."""

    number: int
    decided: Decided
    part: str
    broker: str | None
    manager: str | None
    rule: str | None
    queue: str | None
    reason: str | None
    explanation: dict[str, Any]


def sentence(house: House, told: Told) -> str:
    """What was decided and why."""
    said, rule, queue = told.explanation, told.rule, line_name(told.queue)
    opv, whom = f"a OPV {told.number}", name_of(house, told.broker or told.manager)
    part = _PARTS.get(told.part, "")
    if said.get("because") == "rescue":
        return f"{whom} ainda acompanha {opv}, que deixou passar."
    if said.get("claimed"):
        return f"{whom} assumiu {opv} na fila {queue}, em que estava à disposição."
    if rule in (TRANSFER_RULE, MANUAL_RULE):
        return _by_people(house, told, opv, part)
    if rule == RETURN_RULE:
        return _returned(told, opv, whom)
    if told.decided == "offered":
        return f"A OPV {told.number} está em oferta a quem está na fila {queue}, pela regra {rule}."
    if told.decided == "pool":
        return f"A OPV {told.number} está no bolsão da fila {queue}, pela regra {rule}, até que alguém a assuma."
    if told.decided == "nobody":
        where = f" na fila {queue}, pela regra {rule}" if queue else f", pela regra {rule}" if rule else ""
        return f"A OPV {told.number} está sem corretor{part}{where}: {word(told.reason or 'waiting')}."
    if queue:
        why = STRATEGIES[said.get("strategy", "round_robin")]
        other = ", pois nenhuma antes dela tinha alguém" if said.get("fell_back") else ""
        return f"{whom} recebeu {opv}{part} pela regra {rule}: {why} na fila {queue}{other}."
    return f"{whom} recebeu {opv}{part} pela regra {rule}: {_named(said)}."


def unseen(number: int, status: str, *, waits: bool, reason: str | None) -> str:
    """Of an OPV over which nothing was decided."""
    if status != "open":
        return f"A OPV {number} foi encerrada antes de ser distribuída."
    if waits:
        return f"A OPV {number} está na lista de distribuição: {word(reason or 'waiting')}."
    return f"A OPV {number} não passou pela distribuição e não está na lista dela."


def name_of(house: House, person: str | None) -> str:
    """A person's name; the key, of one who is not in the configuration."""
    found = house.roster.people.get(person or "")
    return found.name if found else person or "ninguém"


def line_name(line: str | None) -> str:
    """A queue's line: `sul`, or `dev (jardim)` of the line of a development."""
    queue, _, development = (line or "").partition("@")
    return f"{queue} ({development})" if development else queue


def _named(said: dict[str, Any]) -> str:
    """Why the rule named its person. Decisions of before rules had ways tell of the client's broker alone."""
    matched: dict[str, Any] = next((one for one in said.get("rules") or () if one.get("matched")), {})
    return _WAYS.get(matched.get("way", "owner"), _WAYS["owner"])


def _by_people(house: House, told: Told, opv: str, part: str) -> str:
    said = told.explanation
    kind, _, key = str(said.get("by", "")).partition(":")
    who = name_of(house, key) if kind == "person" else f"A automação {key}" if kind == "automation" else "A casa"
    previous = said.get("previous")
    whom = name_of(house, told.broker or told.manager)
    if told.rule == MANUAL_RULE:
        for_ = "e a atende" if key == told.broker else f"para {whom}"
        return f"{who} cadastrou {opv} à mão {for_}{part}."
    if told.decided == "nobody":
        return f"{who} tirou {opv} de {name_of(house, previous)}{part}."
    from_ = f" de {name_of(house, previous)}" if previous else ""
    how = " ao repassar a carteira" if said.get("portfolio") else " ao atender um pedido" if "request" in said else ""
    return f"{who} passou {opv}{from_} para {whom}{part}{how}."


def _returned(told: Told, opv: str, whom: str) -> str:
    because = word(str(told.explanation.get("because")))
    if told.decided == "pool":
        return f"A OPV {told.number} voltou para o bolsão da fila {line_name(told.queue)}: {because}."
    if told.decided == "nobody":
        return f"A OPV {told.number} voltou e está sem corretor: {because}."
    return f"{whom} ficou com {opv}: {because}."

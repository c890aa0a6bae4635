"""What reason codes of distribution, strategies and failed conditions are called in Portuguese.

Every code that a decision can give stands in `WORDS`; a test walks the code for one that does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PERSON: Mapping[str, str] = {
    "inactive": "inativo no cadastro",
    "not_a_broker": "não é corretor",
    "not_a_presales": "não é do pré-atendimento",
    "no_creci": "sem CRECI no cadastro",
    "skills": "sem as habilidades pedidas",
    "off_shift": "fora do horário de trabalho",
    "holiday": "feriado ou folga",
    "absent": "em férias ou afastado",
    "not_on_stand": "fora da escala do plantão",
    "not_checked_in": "sem check-in no plantão",
    "not_logged_in": "não disse que está disponível",
    "paused": "em pausa",
    "cap_open": "no limite de OPVs abertas",
    "cap_backlog": "no limite de clientes por contatar",
    "cap_day": "no limite do dia",
    "cap_week": "no limite da semana",
    "cap_days30": "no limite de 30 dias",
    "present_broker": "já esteve com esta OPV",
    "excluded_pair": "não atende este cliente",
    "not_in_queue": "não está na fila",
    "team_left_out": "ninguém da equipe pode receber",
}
"""Why a person is left out."""

RULE: Mapping[str, str] = {
    "nobody_served_before": "nenhum corretor atendeu o cliente antes",
    "served_too_long_ago": "o corretor anterior atendeu o cliente há tempo demais",
    "sender_named_nobody": "quem enviou o lead não indicou corretor",
    "named_broker_unknown": "o corretor indicado por quem enviou o lead não está no cadastro",
    "listing_without_broker": "o anúncio não tem captador",
}
"""Why a rule names nobody."""

OPV: Mapping[str, str] = {
    "waiting": "a distribuição ainda não foi tentada",
    "no_rule": "nenhuma regra vale para o lead",
    "no_broker": "a fila não tem corretores",
    "all_left_out": "ninguém da fila pode receber agora",
    "queue_paused": "a fila está pausada",
    "offered": "está em oferta",
    "pool": "está no bolsão",
    "not_accepted": "não foi aceita a tempo",
    "not_claimed": "ninguém a assumiu a tempo",
    "refused": "foi recusada",
    "stage_expired": "ficou tempo demais na etapa",
    "nobody_else": "todos já a tiveram",
    "rescue": "quem a deixou passar ainda a acompanha",
    "undecided": "nada foi decidido ainda",
    "worker_killed": "a distribuição falhou e foi interrompida",
}
"""Why an OPV is where it is, and why a queue gives nothing."""

UNAVAILABLE = "unavailable"
"""The reason that a broker is told of a colleague's."""

WORDS: Mapping[str, str] = {**PERSON, **RULE, **OPV, UNAVAILABLE: "indisponível"}

STRATEGIES: Mapping[str, str] = {
    "round_robin": "era a sua vez",
    "draw": "saiu no sorteio",
    "weighted": "era a sua vez, pelos pesos da fila",
    "least_open": "era quem tinha menos OPVs abertas",
    "least_recent": "era quem estava há mais tempo sem receber",
    "most_room": "era quem estava mais longe do limite do dia",
}
"""Why a strategy picked a broker."""

OPERATORS: Mapping[str, str] = {
    "not": "outro valor que não",
    "in": "um destes:",
    "gte": "no mínimo",
    "gt": "mais que",
    "lte": "no máximo",
    "lt": "menos que",
    "contains": "que contenha",
    "starts_with": "que comece com",
    "exists": "existe:",
}
"""Operators of a condition, before what it asks for."""

_PART = re.compile(r"(\S+) is (.*), not (?:(not|in|gte|gt|lte|lt|contains|starts_with|exists) )?(.*)", re.DOTALL)


def word(code: str) -> str:
    """A code in words; one that is not known as it is."""
    return WORDS.get(code, code)


def condition(because: str) -> str:
    """Why a condition does not hold, as `schemas.conditions` says it, in Portuguese; another text stays."""
    if because == "an excluded condition holds":
        return "vale uma condição que a regra exclui"
    if because.startswith("none of: "):
        return "nenhuma destas: " + "; ".join(condition(part) for part in because.removeprefix("none of: ").split("; "))
    found = _PART.fullmatch(because)
    if found is None:
        return because
    fact, value, operator, asked = found.groups()
    is_ = "não veio" if value == "absent" else f"é {value}"
    return f"{fact} {is_}; a regra pede {OPERATORS[operator] + ' ' if operator else ''}{asked}"

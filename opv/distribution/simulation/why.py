"""In one sentence, why a simulated lead went where it went."""

from __future__ import annotations

from collections.abc import Callable

from opv.distribution.desk import Ruling
from opv.house import DIRECTED_RULE, LISTING_RULE, OWNER_RULE

_NAMED = {
    OWNER_RULE: "{who} já atendia o cliente",
    DIRECTED_RULE: "o remetente indicou {who}",
    LISTING_RULE: "{who} captou o imóvel",
}


def why(ruling: Ruling, name: Callable[[str], str]) -> str:
    """Of a lead that was given to somebody; `name` gives a person's."""
    who = name(ruling.broker or ruling.place.manager or "")
    if ruling.line is None:
        because = _NAMED.get(ruling.rule or "", "a regra leva a {who}").format(who=who)
        return f"regra {ruling.rule}: {because}"
    left_out = ruling.explanation.get("excluded", ())
    others = f", {len(left_out)} de fora por este lead" if left_out else ""
    instead = " depois de outras filas sem ninguém" if "fell_back" in ruling.explanation else ""
    return f"regra {ruling.rule}, fila {ruling.line}{instead}: era a vez de {who}{others}"

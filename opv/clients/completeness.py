"""What is missing before an OPV can go to the sales module, person by person.

Who buys, alone or with others, and who stands surety must be named as a contract names them (Civil Code and Law
6.015/1973, art. 176: name, CPF or CNPJ, marital status, domicile). Who is married, or lives in a stable union, in a
regime other than the agreed separation of property does not buy with encumbrance or stand surety alone (Civil Code,
arts. 1.647 and 1.725): the spouse takes part. A legal person acts through somebody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from sqlalchemy import Connection

from opv.clients.involved import Involved, involved_of
from opv.house import House
from schemas.client import Completeness, Missing

__all__ = ["Missing", "completeness", "missing", "missing_of"]

_PARTIES = ("buyer", "partner", "guarantor")
_COUPLES = ("married", "stable_union")
_FIELDS = {
    "rg": "falta o RG",
    "profession": "falta a profissão",
    "income": "falta a renda",
    "nationality": "falta a nacionalidade",
}


def missing_of(tx: Connection, opv: UUID, house: House) -> list[Missing]:
    """What is missing of the OPV's clients; nothing, when it can go to the sales module. One statement."""
    return missing(involved_of(tx, opv), house.configuration.won_sale.clients_need)


def completeness(people: Sequence[Involved], house: House) -> Completeness:
    """As `missing_of`, of people in memory."""
    found = missing(people, house.configuration.won_sale.clients_need)
    return Completeness(complete=not found, missing=found)


def missing(people: Sequence[Involved], fields: Collection[str] = ()) -> list[Missing]:
    """What is missing of these clients of one OPV, in their order. `fields`: details that the house wants besides."""
    found: list[Missing] = []
    if not any(one.role == "buyer" for one in people):
        found.append(Missing(client=None, name=None, what="buyer", text="falta um comprador entre os envolvidos"))
    for one in people:
        found += [
            Missing(client=one.id, name=one.name, what=what, text=text) for what, text in _of(one, people, fields)
        ]
    return found


def _of(one: Involved, people: Sequence[Involved], fields: Collection[str]) -> Iterator[tuple[str, str]]:
    legal = one.kind == "legal"
    if not one.name:
        yield "name", "falta a razão social" if legal else "falta o nome"
    if not one.document:
        yield "document", "falta o CNPJ" if legal else "falta o CPF"
    if not (one.phones or one.emails):
        yield "contact", "falta um telefone ou um e-mail"
    if one.role in _PARTIES and not any(address.whole for address in one.details.addresses):
        yield "address", "falta o endereço, com CEP, rua, cidade e estado"
    if legal:
        yield from _of_legal(one, people)
    else:
        yield from _of_natural(one, people, fields)


def _of_legal(one: Involved, people: Sequence[Involved]) -> Iterator[tuple[str, str]]:
    if one.role in _PARTIES and not any(other.role == "representative" and other.kind == "natural" for other in people):
        yield "representative", "é pessoa jurídica: falta quem a represente entre os envolvidos"


def _of_natural(one: Involved, people: Sequence[Involved], fields: Collection[str]) -> Iterator[tuple[str, str]]:
    details = one.details
    if one.role != "representative" and details.birth_date is None:
        yield "birth_date", "falta a data de nascimento"
    if one.role == "spouse" and not any(_linked(one, other) for other in people):
        yield "spouse_link", "falta dizer de qual dos envolvidos é cônjuge"
    if one.role not in _PARTIES:
        return
    if details.marital_status is None:
        yield "marital_status", "falta o estado civil"
    elif details.marital_status in _COUPLES:
        yield from _of_couple(one, people)
    for name, text in _FIELDS.items():
        if name in fields and getattr(details, name) is None:
            yield name, text


def _of_couple(one: Involved, people: Sequence[Involved]) -> Iterator[tuple[str, str]]:
    regime = one.details.marital_regime
    if regime is None:
        yield "marital_regime", "falta o regime de bens"
    if regime != "separation" and not any(_linked(one, other) for other in people):
        yield "spouse", "falta o cônjuge entre os envolvidos, ligado a esta pessoa"


def _linked(one: Involved, other: Involved) -> bool:
    return one.id != other.id and (one.spouse == other.id or other.spouse == one.id)

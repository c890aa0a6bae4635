"""Data of an OPV's clients that do not fit together, with each other or with what the house knows of others.

Of clients that are not involved nothing is told but their id: who looks may not see their OPVs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection

from opv.clients.duplicates import names_near, suggested
from opv.clients.involved import Involved
from opv.clients.keys import Owned, owners
from opv.clients.records import Record, read_records
from opv.matching import Key, contact_keys
from opv.normalize import names_agree
from opv.normalize.names import name_key
from schemas.client import Divergence

_COUPLES = ("married", "stable_union")
_ALONE = ("single", "divorced", "widowed")
_KEYS = {"document": "CPF ou CNPJ", "phone": "telefone", "email": "e-mail"}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the house knows beside the OPV's own clients: whose their contact keys are, who may be the same person."""

    keys: Mapping[Key, Owned] = field(default_factory=dict)
    clients: Mapping[UUID, Record] = field(default_factory=dict)
    same: Sequence[tuple[UUID, UUID, str]] = ()


def divergences_of(tx: Connection, people: Sequence[Involved]) -> list[Divergence]:
    """What does not fit, in the order of the people. A fixed number of statements."""
    keys = owners(tx, {key for one in people for key in contact_keys("", one.document, one.phones, ())})
    same = list(suggested(tx, [one.id for one in people])) if people else []
    own = {one.id for one in people}
    others = {owned.client for owned in keys.values()} | {id_ for a, b, _ in same for id_ in (a, b)}
    return divergences(people, Elsewhere(keys, read_records(tx, others - own), same))


def divergences(people: Sequence[Involved], elsewhere: Elsewhere) -> list[Divergence]:
    """As `divergences_of`, of what is in memory."""
    found: list[Divergence] = []
    for one in people:
        told = [*_with_others(one, people, elsewhere), *_of_couples(one, people)]
        found += [Divergence(client=one.id, what=what, text=text, other=other) for what, text, other in told]
        named = {other for _, _, other in told}
        for other, because in _suggested(one, elsewhere):
            if other not in named:
                text = f"pode ser a mesma pessoa que outro cliente: mesmo {_KEYS.get(because, because)}"
                found.append(Divergence(client=one.id, what="maybe_same", text=text, other=other))
                named.add(other)
    return found


_Told = Iterator[tuple[str, str, UUID | None]]


def _with_others(one: Involved, people: Sequence[Involved], elsewhere: Elsewhere) -> _Told:
    kind = "CNPJ" if one.kind == "legal" else "CPF"
    for other in people:
        if other.id != one.id and one.document and one.document == other.document:
            differs = "" if names_near(one.name, other.name) else ", com outro nome"
            yield "document_twice", f"o {kind} também é de outro dos envolvidos{differs}", other.id
    known = elsewhere.keys.get(("document", one.document or ""))
    if known is not None and known.client == one.id:
        for name in known.names:
            if one.name and not names_agree(name_key(one.name), name):
                yield "document_other_name", f"o {kind} já chegou com outro nome: {name.title()}", None
    elif known is not None and known.client in elsewhere.clients:
        stranger = elsewhere.clients[known.client]
        if names_near(one.name, stranger.name):
            yield "document_of_other", f"o {kind} está também em outro cadastro, de nome parecido", known.client
        else:
            yield "document_of_other_name", f"o {kind} está também em outro cadastro, com outro nome", known.client
    yield from _phones(one, people, elsewhere)


def _phones(one: Involved, people: Sequence[Involved], elsewhere: Elsewhere) -> _Told:
    involved = {other.id: other.document for other in people}
    for phone in one.phones:
        owned = elsewhere.keys.get(("phone", phone))
        if owned is None or owned.stopped or owned.client in (one.id, one.spouse):
            continue
        stranger = elsewhere.clients.get(owned.client)
        document = stranger.document if stranger else involved.get(owned.client)
        if one.document and document and document != one.document:
            yield "phone_other_document", "um telefone é também de alguém com outro documento", owned.client


def _of_couples(one: Involved, people: Sequence[Involved]) -> _Told:
    status = one.details.marital_status
    spouse = next((other for other in people if other.id == one.spouse), None)
    if one.spouse is not None and spouse is None:
        yield "spouse_not_involved", "o cônjuge ligado a esta pessoa não está entre os envolvidos", one.spouse
    if one.spouse is None and status in _COUPLES and one.role != "representative":
        yield "spouse_missing", "o estado civil é de quem tem cônjuge, e nenhum está ligado", None
    if one.spouse is None and one.role == "spouse":
        yield "spouse_of_nobody", "está como cônjuge, sem ligação com nenhum dos envolvidos", None
    if one.spouse is not None and status in _ALONE:
        yield "spouse_though_alone", "tem cônjuge ligado, e o estado civil é de quem não tem", one.spouse
    if spouse is not None and one.id < spouse.id:
        yield from _of_couple(one, spouse)


def _of_couple(one: Involved, spouse: Involved) -> _Told:
    for name, text in (
        ("marital_status", "o estado civil é outro que o do cônjuge"),
        ("marital_regime", "o regime de bens é outro que o do cônjuge"),
    ):
        a, b = getattr(one.details, name), getattr(spouse.details, name)
        if a is not None and b is not None and a != b:
            yield f"{name}_differs", text, spouse.id


def _suggested(one: Involved, elsewhere: Elsewhere) -> Iterator[tuple[UUID, str]]:
    for a, b, because in elsewhere.same:
        if one.id not in (a, b):
            continue
        other = b if a == one.id else a
        record = elsewhere.clients.get(other)
        if record is None or (record.merged_into is None and record.erased_at is None):
            yield other, because

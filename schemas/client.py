"""Clients in full: what is held of a natural (PF) or legal (PJ) person, and its part in an OPV."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from schemas.opv_actions import Body, Line, Prose, storable
from schemas.page import Page, Since

Kind = Literal["natural", "legal"]
Role = Literal["buyer", "spouse", "partner", "guarantor", "representative"]
"""Part in an OPV: comprador, cônjuge, sócio (who buys together with the buyer), fiador, representante."""

MaritalStatus = Literal["single", "married", "stable_union", "separated", "divorced", "widowed"]
MaritalRegime = Literal[
    "partial_communion", "universal_communion", "final_participation", "mandatory_separation", "separation"
]
"""Regimes of the Civil Code (arts. 1.658–1.688): comunhão parcial, comunhão universal, participação final nos aquestos,
separação obrigatória, separação convencional."""

Way = Literal["call", "whatsapp", "sms", "email", "visit"]
"""How a person may be reached."""

STATES = frozenset({
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE",
    "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
})  # fmt: skip
"""The 26 states and the Federal District (UF)."""

MOST_INVOLVED = 50
"""Most clients of one OPV."""


def _cep(value: Any) -> Any:
    """CEP: 8 digits, with or without the hyphen and dot of its written form; kept as digits."""
    if not isinstance(value, str):
        raise ValueError("a CEP is text of 8 digits, for example 01310-100")  # noqa: TRY004 - pydantic wants this one
    digits = value.strip().replace("-", "").replace(".", "").replace(" ", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) == 8) or digits == "0" * 8:
        raise ValueError("a CEP has 8 digits, for example 01310-100")
    return digits


def _state(value: Any) -> Any:
    code = value.strip().upper() if isinstance(value, str) else value
    if code not in STATES:
        raise ValueError("no state of Brazil: write its two letters, for example SP")
    return code


_Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30), AfterValidator(storable)]
Cep = Annotated[str, BeforeValidator(_cep)]
State = Annotated[str, BeforeValidator(_state)]


class Address(Body):
    """A postal address in Brazil. `cep` is 8 digits, `state` the two letters (UF); `number` may be "s/n"."""

    cep: Cep | None = None
    street: Line | None = None
    number: _Short | None = None
    complement: Line | None = None
    district: Line | None = None
    city: Line | None = None
    state: State | None = None

    @property
    def whole(self) -> bool:
        """Whether a contract could name it."""
        return bool(self.cep and self.street and self.city and self.state)


class QuietHours(Body):
    """Hours of the house's zone in which a person is not to be contacted; `until` before `start` spans midnight."""

    start: dt.time
    until: dt.time


class ContactPreferences(Body):
    """How a person wants to be reached, and how and when not."""

    wanted: list[Way] = Field(default_factory=list, max_length=5)
    unwanted: list[Way] = Field(default_factory=list, max_length=5)
    quiet: list[QuietHours] = Field(default_factory=list, max_length=7)
    remarks: Prose | None = None


class ConsentNote(Body):
    """What a person agreed to or refused, as somebody of the house noted it. What came with a lead is on its card."""

    purpose: Line
    granted: bool
    at: Since | None = None
    evidence: Prose | None = None


class ClientDetails(Body):
    """What is held of a person beside name, document and contacts; JSON text in `clients.details`. `income` is a
    month's, in reais. The last three are a legal person's, those from `rg` to `income` a natural person's."""

    rg: _Short | None = None
    social_name: Line | None = None
    birth_date: dt.date | None = None
    nationality: Line | None = None
    marital_status: MaritalStatus | None = None
    marital_regime: MaritalRegime | None = None
    profession: Line | None = None
    income: Decimal | None = Field(None, ge=0, max_digits=15, decimal_places=2)
    addresses: list[Address] = Field(default_factory=list, max_length=10)
    preferences: ContactPreferences = Field(default_factory=ContactPreferences)
    consents: list[ConsentNote] = Field(default_factory=list, max_length=50)
    remarks: Prose | None = None
    trade_name: Line | None = None
    state_registration: Line | None = None
    municipal_registration: Line | None = None

    def stored(self) -> str:
        """The text of `clients.details`: what was given, and nothing else."""
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def load(cls, text: str) -> ClientDetails:
        """What `stored` wrote."""
        return cls.model_validate_json(text)


OF_NATURAL = frozenset({"rg", "social_name", "birth_date", "nationality", "marital_status", "marital_regime",
                        "profession", "income"})  # fmt: skip
"""Details that a natural person alone has."""
OF_LEGAL = frozenset({"trade_name", "state_registration", "municipal_registration"})
"""Details that a legal person alone has."""


class ClientRecord(BaseModel):
    """A client as the API shows it. `document` is compact (11 digits or 14 characters), `phones` are E.164, the first
    phone and e-mail are the main ones; `spouse` is a client's id."""

    id: UUID
    kind: Kind
    name: str | None
    document: str | None
    phones: list[str]
    emails: list[str]
    spouse: UUID | None
    details: ClientDetails
    created_at: datetime
    erased_at: datetime | None


class InvolvedClient(ClientRecord):
    """A client with its part in an OPV. `main`: the OPV is this client's."""

    role: Role
    main: bool


class Missing(BaseModel):
    """Something without which an OPV cannot go to the sales module. `what` is a stable key (`document`, `spouse`, …),
    `text` says it in Portuguese; `client` and `name` are of the person, None when it is of the OPV as a whole."""

    model_config = ConfigDict(frozen=True)

    client: UUID | None
    name: str | None
    what: str
    text: str


class Completeness(BaseModel):
    """Whether an OPV can go to the sales module, and what is missing."""

    complete: bool
    missing: list[Missing]


class Divergence(BaseModel):
    """Data of a person that do not fit together. `what` is a stable key, `text` says it in Portuguese; `other` is the
    other client, when there is one."""

    model_config = ConfigDict(frozen=True)

    client: UUID
    what: str
    text: str
    other: UUID | None = None


class InvolvedClients(Page[InvolvedClient]):
    """The clients of an OPV, the main one first; never more than one part."""

    divergences: list[Divergence]
    completeness: Completeness


class InvolvementBody(Body):
    """A client to involve in an OPV: one that is known, by its id, or a person as typed, matched by document, by phone
    or e-mail with the name. `spouse` is the id of another client of the OPV."""

    role: Role
    client: UUID | None = None
    kind: Kind | None = None
    name: Line | None = None
    document: Line | None = None
    phones: list[Line] = Field(default_factory=list, max_length=10)
    emails: list[Line] = Field(default_factory=list, max_length=10)
    spouse: UUID | None = None
    details: ClientDetails = Field(default_factory=ClientDetails)

    @model_validator(mode="after")
    def _known_or_typed(self) -> InvolvementBody:
        typed = self.model_fields_set - {"role", "client", "spouse"}
        if self.client is not None and typed:
            raise ValueError(f"a known client is changed, not typed anew: leave out {', '.join(sorted(typed))}")
        return self


class ClientChangeBody(Body):
    """What to change of a client: what is left out stays as it is, null or an empty list clears. A list replaces the
    one before; of `details`, those given are changed. `role` is the part in this OPV."""

    role: Role | None = None
    kind: Kind | None = None
    name: Line | None = None
    document: Line | None = None
    phones: list[Line] | None = Field(None, max_length=10)
    emails: list[Line] | None = Field(None, max_length=10)
    spouse: UUID | None = None
    details: ClientDetails | None = None

    @model_validator(mode="after")
    def _nothing_without_value(self) -> ClientChangeBody:
        for name in ("role", "kind", "details"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} has a value or is left out")
        return self


class MergeBody(Body):
    """The client that turned out to be the same person. `force`: although they differ in what cannot be."""

    other: UUID
    force: bool = False


class Duplicate(BaseModel):
    """A client that may be the same person. `because`: `document`, `phone`, `email`; `conflicts`: what speaks against
    it, so that a merge must be forced. Of one whose OPVs the caller does not see nothing else is told."""

    id: UUID
    because: list[str]
    conflicts: list[str]
    client: ClientRecord | None


class Merged(BaseModel):
    """The client that stays, the one that is now part of it, and the OPVs concerned."""

    client: ClientRecord
    other: UUID
    opvs: list[UUID]


class ExcludedBroker(BaseModel):
    """A broker who is not to have a client, since when, and who said so."""

    broker: str
    at: datetime
    by: str

"""The proof of an OPV's history: all that somebody else needs to check it, and nothing that a check leaves out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class ProofEntry(BaseModel):
    """An entry with the very texts that its hash was made of. `content` and `salt` are null when it has no content, or
    one that was erased; hashes and salts are in hexadecimal."""

    seq: int
    at: str
    kind: str
    actor: str
    data: str
    content_hash: str | None
    hash: str
    content: str | None
    salt: str | None


class ProofCheckpoint(BaseModel):
    """The checkpoint; `previous` is the hash of the one before."""

    number: int
    at: str
    opvs: int
    root: str
    previous: str
    hash: str


class Proof(BaseModel):
    """The history of the OPV `opv` (its id in hexadecimal), and where it stands in a checkpoint: the entry `sealed` is
    its leaf, `path` leads from there to the root, each step a neighbour and its side."""

    opv: str
    entries: list[ProofEntry]
    sealed: int
    path: list[tuple[Literal["left", "right"], str]]
    checkpoint: ProofCheckpoint

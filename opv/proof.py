"""The proof of an OPV's history, for somebody who trusts neither the program nor who runs it: `docs/check_proof.py`
checks it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from db.queries import checkpoints
from db.queries.checkpoints import StoredCheckpoint
from db.queries.history import chain_of
from db.session import Database
from opv import history
from opv.access import oversees
from opv.actions import Acting
from opv.checkpoints import BEFORE_THE_FIRST, CHUNK, Side, Tree, leaf_hash
from opv.history import stamp
from schemas.errors import Bug, Reject
from schemas.proof import Proof, ProofCheckpoint, ProofEntry


def export(at: Acting) -> int:
    """Notes in the history that the person exports it, before it is. Gives the number of the checkpoint to prove it by.

    Raises `Reject`: `not_allowed` (403) for all but managers and directors, `no_checkpoint` (409) as long as none knows
    the OPV."""
    if at.viewer is not None and not oversees(at.viewer):
        raise Reject("not_allowed", "only managers and directors export a history", 403)
    newest = checkpoints.newest(at.tx)
    if newest is None or checkpoints.head_of(at.tx, at.opv.id, newest.number) is None:
        raise Reject("no_checkpoint", "no checkpoint knows this OPV yet: one is taken each night", 409)
    at.batch.record(at.opv, history.HISTORY_EXPORTED, at.cause, {"as": "proof", "checkpoint": newest.number})
    return newest.number


def prove(database: Database, opv: UUID, number: int) -> Proof:
    """The history as it is now, and its place in a checkpoint that knows the OPV. The way to the root costs a look at
    all heads of that checkpoint, in chunks."""
    with database.snapshot() as tx:
        chain = chain_of(tx, opv)
        found = checkpoints.some(tx, number)
        head = checkpoints.head_of(tx, opv, number)
    if chain is None or head is None or not found or found[-1].number != number:
        raise Bug("proof_impossible", "the checkpoint does not know the OPV")
    root, path = _path(database, opv, number)
    if root != found[-1].root:
        raise Bug("history_changed", "the history was changed: `porteiro history verify` tells where")
    return Proof(
        opv=opv.hex,
        entries=[_entry(entry) for entry in chain.entries],
        sealed=head[0],
        path=[(side, hash_.hex()) for side, hash_ in path],
        checkpoint=_checkpoint(found),
    )


def _path(database: Database, opv: UUID, number: int) -> tuple[bytes, list[tuple[Side, bytes]]]:
    tree, after = Tree(), None
    while True:
        with database.snapshot() as tx:
            heads = checkpoints.heads_at(tx, number, after, CHUNK)
        if not heads:
            return tree.end()
        for id_, seq, head in heads:
            if seq is not None:
                tree.add(leaf_hash(id_, seq, head), note=id_ == opv)
        after = heads[-1][0]


def _entry(entry: Any) -> ProofEntry:
    return ProofEntry(
        seq=entry.seq, at=stamp(entry.at), kind=entry.kind, actor=entry.actor, data=entry.data,
        content_hash=_hex(entry.content_hash), hash=entry.hash.hex(), content=entry.content, salt=_hex(entry.salt),
    )  # fmt: skip


def _checkpoint(found: list[StoredCheckpoint]) -> ProofCheckpoint:
    one = found[-1]
    previous = found[0].hash if len(found) > 1 else BEFORE_THE_FIRST
    return ProofCheckpoint(
        number=one.number, at=stamp(one.at), opvs=one.opvs, root=one.root.hex(), previous=previous.hex(),
        hash=one.hash.hex(),
    )  # fmt: skip


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()

"""Verification of all histories: every chain and content, the heads that checkpoints hold, the log of reads that is
sealed, the checkpoints themselves, and what was published of them. In chunks: memory follows a chunk, and each chunk
sees one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.queries import checkpoints
from db.queries import history as stored
from db.queries.checkpoints import StoredCheckpoint
from db.queries.history import Chain
from opv import history
from opv.checkpoints import BEFORE_THE_FIRST, CHUNK, Tree, checkpoint_hash, leaf_hash, line
from opv.history import Fault
from opv.reads import sealed_data

MOST_GONE = 1000
"""OPVs that are told of when they are gone."""

Snapshot = Callable[[], AbstractContextManager[Connection]]
"""Opens a unit of work that sees one moment."""

Published = Mapping[int, str]
"""Lines of checkpoints by their numbers, as somebody else kept them."""


@dataclass(slots=True)
class Chunk:
    """What was looked at since the last one, and the faults in it; each with the OPV's number, None for one that is
    gone and for the checkpoints."""

    opvs: int = 0
    entries: int = 0
    checkpoints: int = 0
    faults: list[tuple[int | None, Fault]] = field(default_factory=list)


def published_lines(texts: Iterable[str]) -> Published:
    """Lines of checkpoints out of a file, or out of a log: what stands before a line does not matter, nor do other
    lines. Raises ValueError for two lines that contradict each other."""
    found: dict[int, str] = {}
    for text in texts:
        words = text.split()[-5:]
        if len(words) == 5 and words[0].isdecimal() and words[2].isdecimal() and len(words[3]) == len(words[4]) == 64:
            number, told = int(words[0]), " ".join(words)
            if found.setdefault(number, told) != told:
                raise ValueError(f"checkpoint {number} is told of twice, and not the same")
    return found


def verify_all(
    snapshot: Snapshot, *, since: datetime | None = None, published: Published | None = None
) -> Iterator[Chunk]:
    """Verifies, chunk by chunk. With `since`, of the chains only those with an entry or a checkpoint from then on."""
    after: UUID | None = None
    while True:
        with snapshot() as tx:
            found = stored.chains(tx, after, since=since)
        if not found:
            break
        after = found[-1].opv
        chunk = Chunk(len(found), sum(len(chain.entries) for chain in found))
        chunk.faults.extend((chain.number, fault) for chain in found for fault in verify_chain(chain))
        yield chunk
    with snapshot() as tx:
        gone = stored.without_opv(tx, MOST_GONE)
    yield Chunk(faults=[(None, Fault(opv, seq, "the OPV is gone")) for opv, seq in gone])
    yield from _verify_checkpoints(snapshot, published or {})


def verify_chain(chain: Chain) -> list[Fault]:
    """Faults of one chain and of what refers to it."""
    faults = list(history.verify(chain.opv, chain.seq, chain.head, chain.entries))
    hashes = {entry.seq: entry.hash for entry in chain.entries}
    for held in chain.checkpoints:
        if held.seq not in hashes:
            faults.append(Fault(chain.opv, held.seq, f"checkpoint {held.checkpoint} knows the entry, it is gone"))
        elif hashes[held.seq] != held.head:
            what = f"checkpoint {held.checkpoint} knows another entry: the chain was computed anew"
            faults.append(Fault(chain.opv, held.seq, what))
    return faults + _faults_of_reads(chain)


def _faults_of_reads(chain: Chain) -> list[Fault]:
    """Entries that say who read what, beside the log that they were made of."""
    log: dict[int, list[Any]] = defaultdict(list)
    for row in chain.reads:
        log[row.sealed_seq].append(row)
    faults = []
    for entry in chain.entries:
        if entry.kind == history.PERSONAL_DATA_READ:
            rows = log.pop(entry.seq, None)
            if rows is None or history.text_of(sealed_data(rows[0].day, rows)) != entry.data:
                faults.append(Fault(chain.opv, entry.seq, "the log of reads is not what was sealed"))
    return faults + [Fault(chain.opv, seq, "the log of reads names an entry that does not seal it") for seq in log]


def _verify_checkpoints(snapshot: Snapshot, published: Published) -> Iterator[Chunk]:
    """Their chain of hashes, and anew the root of the newest one and of the newest that was published: a root stands
    for every entry up to it, so that older ones add nothing."""
    with snapshot() as tx:
        listed = checkpoints.every_one(tx)
    chunk = Chunk(checkpoints=len(listed))
    previous, number = BEFORE_THE_FIRST, 0
    for one in listed:
        number += 1
        if one.number != number:
            chunk.faults.append(_fault(f"checkpoint {number} is missing, {one.number} follows"))
            number = one.number
        if checkpoint_hash(previous, one.number, history.stamp(one.at), one.opvs, one.root) != one.hash:
            chunk.faults.append(_fault(f"checkpoint {one.number} was changed, or one before it"))
        if published.get(one.number, told := line(one)) != told:
            chunk.faults.append(_fault(f"checkpoint {one.number} is not the one that was published"))
        previous = one.hash
    for gone in sorted(published.keys() - {one.number for one in listed}):
        chunk.faults.append(_fault(f"checkpoint {gone} was published, and is gone"))
    yield chunk
    anew = {one.number: one for one in listed[-1:]}
    anew |= {one.number: one for one in [one for one in listed if one.number in published][-1:]}
    for one in anew.values():
        yield from _verify_root(snapshot, one)


def _verify_root(snapshot: Snapshot, one: StoredCheckpoint) -> Iterator[Chunk]:
    tree, after = Tree(), None
    while True:
        with snapshot() as tx:
            heads = checkpoints.heads_at(tx, one.number, after, CHUNK)
        if not heads:
            break
        for opv, seq, head in heads:
            if seq is not None:
                tree.add(leaf_hash(opv, seq, head))
        after = heads[-1][0]
        yield Chunk()
    if (tree.root(), tree.leaves) != (one.root, one.opvs):
        yield Chunk(faults=[_fault(f"the heads stored are not those that checkpoint {one.number} was made of")])


def _fault(what: str) -> tuple[None, Fault]:
    return None, Fault(None, None, what)

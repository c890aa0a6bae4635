"""Checkpoints: the heads of all chains at a moment as one hash, so that a tail that was cut and a chain that was
computed anew are found as well. A checkpoint is told to others (`line`): one that only lies in the same database proves
little against who may write there.

The hash is the root of a Merkle tree as in RFC 6962, 2.1: a leaf is `sha256(00 + text)`, a node `sha256(01 + left +
right)`; the leaves are in the order of the OPVs' ids, which grow with time. A leaf's text is the OPV's id in
hexadecimal, the `seq` of its last entry and that entry's hash in hexadecimal, a line each. A checkpoint's own hash is
`sha256(hash of the checkpoint before + text)`, the text being its number, time, number of OPVs and root, a line each;
before the first checkpoint there are 32 zero bytes.

A checkpoint is taken in chunks, each a short unit of work that also keeps how far it is. An OPV's head is thus that of
a moment while it was taken. Stored is what differs from the checkpoint before.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection

from db.queries import checkpoints
from db.queries.checkpoints import Head, StoredCheckpoint
from db.session import Database, commit_to_disk
from opv.channels.alarms import HOUSE, Trouble, raise_alarms
from opv.history import stamp
from opv.house import House
from opv.reads import GRACE, open_day, seal_some
from opv.step import Clock

CHUNK = 2000
"""OPVs looked at a time."""

BEFORE_THE_FIRST = bytes(32)

log = logging.getLogger("porteiro.checkpoints")

Side = Literal["left", "right"]
"""Where a neighbour stands: `left` or `right`."""


def leaf_hash(opv: UUID, seq: int, head: bytes) -> bytes:
    """An OPV's leaf."""
    return hashlib.sha256(b"\0" + f"{opv.hex}\n{seq}\n{head.hex()}".encode()).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """A node over two others."""
    return hashlib.sha256(b"\1" + left + right).digest()


def checkpoint_hash(previous: bytes, number: int, at: str, opvs: int, root: bytes) -> bytes:
    """A checkpoint's hash over the one before. `at` is the stamp."""
    return hashlib.sha256(previous + f"{number}\n{at}\n{opvs}\n{root.hex()}".encode()).digest()


def line(one: StoredCheckpoint) -> str:
    """A checkpoint as it is published: number, time, number of OPVs, root and hash."""
    return f"{one.number} {stamp(one.at)} {one.opvs} {one.root.hex()} {one.hash.hex()}"


@dataclass(slots=True)
class Tree:
    """A Merkle tree that is read leaf by leaf and keeps no more than its right edge. Of one leaf it notes the way to
    the root."""

    leaves: int = 0
    edge: list[tuple[int, bytes]] = field(default_factory=list)
    _noted: int | None = None
    _path: list[tuple[Side, bytes]] = field(default_factory=list)

    def add(self, leaf: bytes, *, note: bool = False) -> None:
        """Appends a leaf; `note` the one whose way to the root is asked for."""
        self.leaves += 1
        if note:
            self._noted = len(self.edge)
        self.edge.append((1, leaf))
        while len(self.edge) > 1 and self.edge[-1][0] == self.edge[-2][0]:
            self._join(self.edge)

    def root(self) -> bytes:
        """The tree's hash; that of nothing is the sha256 of nothing."""
        return self.end()[0]

    def end(self) -> tuple[bytes, list[tuple[Side, bytes]]]:
        """The root, and the neighbours on the way to it from the leaf noted. Nothing is added afterwards."""
        edge = list(self.edge)
        while len(edge) > 1:
            self._join(edge)
        return (edge[0][1] if edge else hashlib.sha256().digest()), self._path

    def _join(self, edge: list[tuple[int, bytes]]) -> None:
        (right_size, right), (left_size, left) = edge.pop(), edge.pop()
        if self._noted == len(edge) + 1:
            self._path.append(("left", left))
            self._noted = len(edge)
        elif self._noted == len(edge):
            self._path.append(("right", right))
        edge.append((left_size + right_size, node_hash(left, right)))


@dataclass(slots=True)
class Taking:
    """A checkpoint that is being taken: its number, the last OPV that is in it, and the tree up to there. `changed`:
    numbers of OPVs whose chain does not hold what the checkpoint before says of it."""

    number: int
    after: UUID | None = None
    tree: Tree = field(default_factory=Tree)
    changed: list[int] = field(default_factory=list)

    def text(self) -> str:
        """As JSON."""
        edge = [[size, hash_.hex()] for size, hash_ in self.tree.edge]
        after = self.after.hex if self.after else None
        return json.dumps({"number": self.number, "after": after, "leaves": self.tree.leaves, "edge": edge,
                           "changed": self.changed})  # fmt: skip

    @classmethod
    def read(cls, text: str, number: int) -> Taking:
        """What `text` gave if it is of this number; else one that begins."""
        kept = json.loads(text)
        if kept.get("number") != number:
            return cls(number)
        edge = [(size, bytes.fromhex(hash_)) for size, hash_ in kept["edge"]]
        after = UUID(kept["after"]) if kept["after"] else None
        return cls(number, after, Tree(kept["leaves"], edge), kept["changed"])


Keep = Callable[[Connection, str], None]
"""Keeps a text for who goes on later, and refuses (raises) when somebody else does."""

TAMPERED = "history"
"""Kind of the alarm. It stays open: what was found does not go away."""

MOST_NAMED = 20
"""OPVs that are named when histories were changed."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A checkpoint that was taken, and whether notices of an alarm were queued with it."""

    checkpoint: StoredCheckpoint
    told: bool


def is_due(last: StoredCheckpoint | None, now: datetime) -> bool:
    """Whether a day (UTC) is over since the last checkpoint."""
    return last is None or open_day(last.at) < open_day(now)


def until_next(now: datetime) -> timedelta:
    """How long it is until this day (UTC) is over, and its reads can be sealed."""
    end = datetime.combine(open_day(now) + timedelta(days=1), time(), UTC) + GRACE
    return end - now


def seal(
    database: Database, house: House, clock: Clock, keep: Keep, kept: str = "{}", *, daily: bool = False
) -> Iterator[Taking | Taken | None]:
    """Seals the reads of the days that are over, then takes a checkpoint (`daily`: unless there is one of today), going
    on from what was kept. Gives how far it is after each short unit of work, at last the checkpoint. Only one process
    may be at it at a time: `keep` sees to that."""
    sealed = 1
    while sealed:
        with database.write() as tx:
            keep(tx, kept)
            sealed = seal_some(tx, house, clock())
        if sealed:
            yield None
    with database.read() as tx:
        before = checkpoints.newest(tx)
    if daily and not is_due(before, clock()):
        return
    taking = Taking.read(kept, before.number + 1 if before else 1)
    while True:
        with database.snapshot() as tx:
            heads = checkpoints.heads(tx, taking.after, CHUNK)
        if not heads:
            break
        new = _look(taking, heads)
        with database.write() as tx:
            keep(tx, taking.text())
            checkpoints.add_heads(tx, taking.number, new)
        yield taking
    yield _end(database, house, clock, keep, taking, before)


def _end(
    database: Database, house: House, clock: Clock, keep: Keep, taking: Taking, before: StoredCheckpoint | None
) -> Taken:
    at, root, opvs = clock(), taking.tree.root(), taking.tree.leaves
    hash_ = checkpoint_hash(before.hash if before else BEFORE_THE_FIRST, taking.number, stamp(at), opvs, root)
    taken = StoredCheckpoint(taking.number, at, opvs, root, hash_)
    with database.write() as tx:
        commit_to_disk(tx)  # others are told of it
        keep(tx, "{}")
        checkpoints.add(tx, taken)
        told = raise_alarms(tx, _troubles(taking), house, at)
    log.info("checkpoint %s", line(taken))
    return Taken(taken, told)


def _troubles(taking: Taking) -> list[Trouble]:
    if not taking.changed:
        return []
    named = ", ".join(map(str, taking.changed))
    return [
        Trouble(TAMPERED, HOUSE, f"the history of OPV {named} is not what a checkpoint before {taking.number} says")
    ]


def _look(taking: Taking, heads: list[Head]) -> list[Head]:
    """Adds the heads to the tree; gives those to be stored. One that an earlier try stored stays as it was then."""
    new = []
    for head in heads:
        seq, hash_ = head.seq, head.hash
        if head.checkpoint == taking.number and head.stored is not None:
            seq, hash_ = head.stored
        elif head.stored != (seq, hash_):
            new.append(head)
        if head.stored is not None and head.stored[1] != head.entry and len(taking.changed) < MOST_NAMED:
            taking.changed.append(head.number)
        taking.tree.add(leaf_hash(head.opv, seq, hash_))
        taking.after = head.opv
    return new

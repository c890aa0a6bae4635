"""What the house knows of a person: where its things are, and what it can be told by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from opv.clients.records import read_records
from opv.data_subject.blanking import told_contents
from opv.data_subject.forgetting import names_heard
from opv.data_subject.held import Held, held_of, strays_of, unread_of
from opv.data_subject.traces import Traces, told_in, traces_of


@dataclass(frozen=True, slots=True)
class Known:
    """What is held of a person, and its traces."""

    held: Held
    traces: Traces


def known_of(tx: Connection, ids: Sequence[UUID]) -> Known:
    """What is known, with leads and requests that no card leads to."""
    known = known_beside(tx, ids, ())
    strays = [*strays_of(tx, known.traces.contacts), *unread_of(tx, known.traces)]
    return known_beside(tx, ids, strays) if strays else known


def known_beside(tx: Connection, ids: Sequence[UUID], strays: Collection[UUID]) -> Known:
    """The same, of whom it is known already which leads no card leads to."""
    held = held_of(tx, ids, strays=strays)
    told = [*(one.told() for one in read_records(tx, ids).values()), *told_in(told_contents(tx, held))]
    return Known(held, traces_of(told, names_heard(tx, ids)))

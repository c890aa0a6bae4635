"""Who may answer a data subject, for which person."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, select

from db.models import Client
from db.queries.clients import ids_of
from opv.access import Viewer, may_answer_for_persons
from opv.clients.records import unknown_client
from opv.house import House
from schemas.errors import Reject


def check_answers(viewer: Viewer, house: House) -> None:
    """Raises `Reject` (403) `not_allowed` for who does not answer for personal data. Whose OPVs are concerned does not
    matter: a person's request is about all of them."""
    if not may_answer_for_persons(viewer, house):
        raise Reject("not_allowed", "directors and the officer named in `legal` answer for personal data", 403)


def person_ids(tx: Connection, client: UUID) -> list[UUID]:
    """The ids under which a person is known: the client that stands for it, then those merged into that one, whichever
    of them is asked for. Raises `Reject` `unknown_client`."""
    row = tx.execute(select(Client.id, Client.merged_into).where(Client.id == client)).one_or_none()
    if row is None:
        raise unknown_client()
    return ids_of(tx, row.merged_into or row.id)

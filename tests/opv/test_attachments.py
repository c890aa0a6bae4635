"""Files of an OPV: on disk before the row, gone after it, and nothing left of what failed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.attachments_folder import AttachmentsFolder
from opv.actions import Acting
from opv.attachments import Taken, attach, detach, sweep, take_in
from schemas.config import Attachments
from schemas.errors import Reject
from tests.opv.files import DOCM, PDF, zipped
from tests.opv.test_actions import do, everything
from tests.pipeline import NOW, Pipeline, Start, lead

RULES = Attachments()


def served(start: Start) -> tuple[Pipeline, UUID]:
    house = start()
    house.deliver("site", lead())
    house.run()
    return house, house.opvs()[0].id


@pytest.fixture
def folder(tmp_path: Path) -> AttachmentsFolder:
    return AttachmentsFolder(tmp_path / "attachments")


def names(tmp_path: Path) -> list[str]:
    path = tmp_path / "attachments"
    return sorted(one.name for one in path.iterdir()) if path.exists() else []


def act(house: Pipeline, person: str, opv: UUID, deed: Callable[[Acting], UUID]) -> UUID:
    ids: list[UUID] = []
    do(house, person, opv, lambda at: ids.append(deed(at)))
    return ids[0]


def pdf(folder: AttachmentsFolder, name: str = "RG.pdf") -> Taken:
    return take_in(folder, BytesIO(PDF), name, RULES)


def test_a_file_is_attached_and_taken_away(start: Start, folder: AttachmentsFolder, tmp_path: Path) -> None:
    house, opv = served(start)
    (client,) = house.rows("clients")
    id_ = act(house, "ana", opv, lambda at: attach(at, folder, pdf(folder, "../RG de Maria.pdf"), client.id))
    (row,) = house.rows("attachments")
    assert (row.id, row.client_id, row.name, row.content_type, row.size, row.added_by, row.added_at) == (
        id_, client.id, "RG de Maria.pdf", "application/pdf", len(PDF), "ana", NOW,
    )  # fmt: skip
    assert names(tmp_path) == [id_.hex]
    act(house, "paula", opv, lambda at: detach(at, id_))
    (row,) = house.rows("attachments")
    assert (row.name, row.removed_at) == ("RG de Maria.pdf", NOW)
    entries = house.rows("history_entries", opportunity_id=opv)[-2:]
    contents = [json.loads(one.content) for one in house.rows("history_contents", opportunity_id=opv)[-2:]]
    key = {"attachment": str(id_)}
    assert [(one.kind, one.actor, json.loads(one.data)) for one in entries] == [
        ("document.added", "person:ana", {**key, "type": "pdf", "size": len(PDF), "client": str(client.id)}),
        ("document.removed", "person:paula", {**key, "client": str(client.id)}),
    ]
    assert contents == [{"name": "RG de Maria.pdf", "sha256": row.sha256.hex()}, {"name": "RG de Maria.pdf"}]
    with pytest.raises(Reject) as refused:
        act(house, "ana", opv, lambda at: detach(at, id_))
    assert refused.value.reason == "unknown_attachment"


@pytest.mark.parametrize(
    ("name", "content", "rules", "reason"),
    [
        ("rg.pdf", b"", {}, "file_empty"),
        ("rg.exe", PDF, {}, "type_not_allowed"),
        ("rg", PDF, {}, "type_not_allowed"),
        ("rg.png", PDF, {}, "type_not_allowed"),
        ("rg.docx", zipped({"a": "b"}), {}, "type_not_allowed"),
        ("rg.docx", DOCM, {}, "type_not_allowed"),
        ("rg.pdf", PDF, {"types": ["png"]}, "type_not_allowed"),
        ("rg.pdf", PDF + b"x" * 2**20, {"max_mb": 1}, "too_large"),
    ],
)
def test_what_may_not_be_attached_leaves_no_file(
    name: str, content: bytes, rules: dict[str, Any], reason: str, folder: AttachmentsFolder, tmp_path: Path
) -> None:
    with pytest.raises(Reject) as refused:
        take_in(folder, BytesIO(content), name, Attachments(**rules))
    assert (refused.value.reason, names(tmp_path)) == (reason, [])


def test_one_of_the_largest_size_is_taken(folder: AttachmentsFolder) -> None:
    content = PDF + b"x" * (2**20 - len(PDF))
    assert take_in(folder, BytesIO(content), "rg.pdf", Attachments(max_mb=1)).received.size == 2**20


def test_a_refusal_keeps_no_file(start: Start, folder: AttachmentsFolder, tmp_path: Path) -> None:
    house, opv = served(start)
    house.deliver("site", lead(2))
    house.run()
    before = everything(house)
    stranger = house.opvs()[1].client_id
    taken = pdf(folder)
    for person, client, reason in (("ana", stranger, "unknown_client"), ("bia", None, "unknown_opv")):
        with pytest.raises(Reject) as refused:
            act(house, person, opv, lambda at, client=client: attach(at, folder, taken, client))  # type: ignore[misc] # the loop's value, bound now
        assert (refused.value.reason, everything(house) == before) == (reason, True)
    assert names(tmp_path) == [taken.received.path.name]
    folder.discard(taken.received)
    assert names(tmp_path) == []
    mine = act(house, "ana", opv, lambda at: attach(at, folder, pdf(folder), None))
    with pytest.raises(Reject) as refused:  # a file of another OPV
        act(house, "bia", house.opvs()[1].id, lambda at: detach(at, mine))
    assert refused.value.reason == "unknown_attachment"


def test_the_file_is_there_before_the_row_is_committed(start: Start, folder: AttachmentsFolder, tmp_path: Path) -> None:
    house, opv = served(start)

    def dies(at: Acting) -> None:
        attach(at, folder, pdf(folder), None)
        assert len(names(tmp_path)) == 1
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        do(house, "ana", opv, dies)
    assert house.rows("attachments") == []
    assert len(names(tmp_path)) == 1  # left over, and swept below


def swept(house: Pipeline, folder: AttachmentsFolder, now: datetime) -> int:
    with house.database.read() as tx:
        return sweep(tx, folder, now)


def test_what_no_row_asks_for_is_swept_after_an_hour(start: Start, folder: AttachmentsFolder, tmp_path: Path) -> None:
    house, opv = served(start)
    there, taken_away, erased = (
        act(house, "ana", opv, lambda at: attach(at, folder, pdf(folder), None)) for _ in range(3)
    )
    act(house, "ana", opv, lambda at: detach(at, taken_away))
    house.set("attachments", {"erased_at": NOW, "name": None}, id=erased)
    folder.keep(pdf(folder).received, uuid4())
    pdf(folder)
    assert swept(house, folder, datetime.now(UTC)) == 0
    assert len(names(tmp_path)) == 5
    hours_ago = time.time() - 3700
    for name in names(tmp_path):
        os.utime(tmp_path / "attachments" / name, (hours_ago, hours_ago))
    assert swept(house, folder, datetime.now(UTC)) == 3
    assert names(tmp_path) == [there.hex]


def test_a_folder_of_another_installation_is_left_alone(
    start: Start, folder: AttachmentsFolder, tmp_path: Path
) -> None:
    house, _ = served(start)
    folder.keep(pdf(folder).received, uuid4())
    (name,) = names(tmp_path)
    os.utime(tmp_path / "attachments" / name, (1, 1))
    assert swept(house, folder, datetime.now(UTC)) == 0
    assert names(tmp_path) == [name]

"""The attachments folder: what is on disk, who may read it, what is left behind."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.attachments_folder import AttachmentsFolder
from schemas.errors import Reject, Retry

SOON = datetime.now(UTC) + timedelta(hours=1)


def test_a_file_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    folder, id_ = AttachmentsFolder(tmp_path / "var" / "attachments"), uuid4()
    old = os.umask(0)
    try:
        received = folder.receive(BytesIO(b"x" * 600_000), 600_000)
    finally:
        os.umask(old)
    assert (received.size, folder.path(id_)) == (600_000, None)
    folder.keep(received, id_)
    folder.discard(received)  # it was kept: nothing to forget
    path = folder.path(id_)
    assert path is not None
    assert path.read_bytes() == b"x" * 600_000
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    folder.remove(id_)
    folder.remove(id_)
    assert list(path.parent.iterdir()) == []


class Endless(BytesIO):
    """A file that never ends; counts what was read of it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        self.taken += size or 0
        return b"x" * (size or 0)


def test_one_too_large_is_refused_while_it_is_read(tmp_path: Path) -> None:
    folder, endless = AttachmentsFolder(tmp_path / "a"), Endless()
    with pytest.raises(Reject) as refused:
        folder.receive(endless, 2**20)
    assert (refused.value.reason, refused.value.detail) == ("too_large", "a file has 1 MB at most")
    assert endless.taken <= 2 * 2**20
    assert list((tmp_path / "a").iterdir()) == []


def test_without_a_place_it_may_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("no folder")
    with pytest.raises(Retry):
        AttachmentsFolder(tmp_path / "a").receive(BytesIO(b"x"), 10)


def test_what_is_kept_and_what_was_never(tmp_path: Path) -> None:
    folder, id_ = AttachmentsFolder(tmp_path), uuid4()
    assert list(AttachmentsFolder(tmp_path / "none").kept(SOON)) == []
    folder.keep(folder.receive(BytesIO(b"x"), 10), id_)
    left = folder.receive(BytesIO(b"y"), 10)
    (tmp_path / "leia-me.txt").write_text("of somebody else")
    assert list(folder.kept(SOON)) == [id_]
    assert list(folder.kept(SOON - timedelta(hours=2))) == []
    folder.forget_unkept(SOON - timedelta(hours=2))
    assert left.path.exists()
    folder.forget_unkept(SOON)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([id_.hex, "leia-me.txt"])

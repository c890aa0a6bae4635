"""The folder of attachments: a file an attachment, named by its id alone, readable by this user alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from schemas.errors import Reject, Retry
from schemas.files import Received

_CHUNK = 256 * 1024
_PART = ".part"


class AttachmentsFolder:
    """Fulfils `schemas.files.Files`. The folder is made when the first file comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def receive(self, source: BinaryIO, most: int) -> Received:
        """Copies the file piece by piece and waits until it is on disk."""
        path = self._folder / f"{uuid4().hex}{_PART}"
        hashed, size = hashlib.sha256(), 0
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _created(path) as file:
                for chunk in _chunks(source, most):
                    size += len(chunk)
                    hashed.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            with suppress(OSError):
                path.unlink()
            raise Retry("no_room", f"the file could not be stored ({error.strerror}): try again later") from None
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Received(path, size, hashed.digest())

    def keep(self, received: Received, id_: UUID) -> None:
        """Renames it, and waits until the name is on disk."""
        received.path.rename(self._folder / id_.hex)
        entry = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)

    def discard(self, received: Received) -> None:
        """Removes what still has no id."""
        received.path.unlink(missing_ok=True)

    def path(self, id_: UUID) -> Path | None:
        """Where the file is; None when it is gone."""
        path = self._folder / id_.hex
        return path if path.is_file() else None

    def remove(self, id_: UUID) -> None:
        """Removes the file, if it is there."""
        (self._folder / id_.hex).unlink(missing_ok=True)

    def kept(self, before: datetime) -> Iterable[UUID]:
        """Ids of the files that were taken in before then. Files with other names are nobody's business here."""
        for path in self._older(before):
            with suppress(ValueError):
                yield UUID(hex=path.name)

    def forget_unkept(self, before: datetime) -> None:
        """Removes what a process that died was taking in."""
        for path in self._older(before):
            if path.suffix == _PART:
                path.unlink(missing_ok=True)

    def _older(self, before: datetime) -> Iterator[Path]:
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.iterdir()):
            with suppress(FileNotFoundError):
                if path.is_file() and datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                    yield path


def too_large(most: int) -> Reject:
    """A file is larger than may be."""
    return Reject("too_large", f"a file has {most // 2**20} MB at most", 413)


def _chunks(source: BinaryIO, most: int) -> Iterator[bytes]:
    size = 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise too_large(most)
        yield chunk


@contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    """A new file that nobody else reads, whatever the process's mask."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file

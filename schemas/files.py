"""Files beside the database, as the rest of the house asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was taken in, on disk, under a name of its own until it is kept."""

    path: Path
    size: int
    sha256: bytes


class Files(Protocol):
    """A place for files, each named by an id."""

    def receive(self, source: BinaryIO, most: int) -> Received:
        """Takes a file in. Raises `Reject` (`too_large`) beyond `most` bytes and `Retry` without room."""

    def keep(self, received: Received, id_: UUID) -> None:
        """Gives a file that was taken in its id; it is on disk then."""

    def discard(self, received: Received) -> None:
        """Forgets a file that was taken in, unless it was kept."""

    def path(self, id_: UUID) -> Path | None:
        """Where the file is; None when it is gone."""

    def remove(self, id_: UUID) -> None:
        """Removes the file; that there is none is no error."""

    def kept(self, before: datetime) -> Iterable[UUID]:
        """Ids of the files kept that were taken in before then."""

    def forget_unkept(self, before: datetime) -> None:
        """Removes what was taken in before then and never kept."""

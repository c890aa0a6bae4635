"""The embedded message broker: kombu's filesystem transport, with messages that appear and are taken whole.

kombu's writes into the very file that a reader may already take; here a message is written aside and renamed. A step
whose wake-up nobody has taken yet is not woken again: whoever takes it will look at the database after that.
"""

from __future__ import annotations

from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """The channel."""

    def _put(  # type: ignore[override] # the stubs of its two supertypes disagree
        self, queue: str, payload: dict[str, Any], **kwargs: Any
    ) -> None:
        folder = Path(self.data_folder_out)
        if next(folder.glob(f"*.{queue}.msg"), None) is None:
            aside = folder / f"{uuid4().hex}.part"
            aside.write_text(dumps(payload), encoding="utf-8")
            aside.rename(folder / f"{uuid4().hex}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for file in Path(self.data_folder_in).glob(f"*.{queue}.msg"):
            taken = file.with_suffix(".taken")
            try:
                file.rename(taken)
            except FileNotFoundError:
                continue  # another worker was quicker
            text = taken.read_text(encoding="utf-8")
            taken.unlink()
            return loads(text)
        raise Empty


class Transport(filesystem.Transport):
    """The transport."""

    Channel = Channel

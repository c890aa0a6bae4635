"""Files of an OPV as the API shows them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from schemas.page import Paging


class AttachmentFilters(Paging):
    """`removed`: those that were taken away too."""

    removed: bool = False


class AttachmentItem(BaseModel):
    """A file, of the client `client` if one was named. `size` in bytes, `sha256` in hexadecimal. `name` is null once
    its client was erased."""

    id: UUID
    client: UUID | None
    name: str | None
    content_type: str
    size: int
    sha256: str
    added_by: str
    added_at: datetime
    removed_at: datetime | None
    erased_at: datetime | None

"""The WhatsApp shortcut of an OPV."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, StringConstraints

from schemas.opv_actions import Body, storable

Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), AfterValidator(storable)
]


class WhatsAppBody(Body):
    """With whom: one of the OPV's clients by id, the main one when none is named. `text` stands for the greeting."""

    client: UUID | None = None
    text: Words | None = None


class WhatsAppLink(BaseModel):
    """Where the conversation goes on. `by`: a link to the app (`wa.me`), to WhatsApp Web (`web`), or a conversation
    that was opened in Conecta."""

    url: str
    by: Literal["wa.me", "web", "conecta"]

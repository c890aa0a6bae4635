"""Tags, fields and questionnaires of an OPV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query

from db.queries import opvs
from opv.actions import Acting
from opv.answers import questionnaires
from opv.answers.changes import change_tags, set_fields
from opv.by_people import act
from schemas.answers import FieldsBody, QuestionnaireItem, TagsBody
from schemas.errors import Reject
from schemas.opv import Opv
from schemas.page import Page, Parameters
from web.api.actions import committed, shown_opv
from web.api.auth import Caller, Calls

router = APIRouter(prefix="/opvs", tags=["opvs"])

NoParameters = Annotated[Parameters, Query()]


@router.post("/{ident}/tags")
def change_tags_of_opv(ident: str, caller: Calls, body: TagsBody, _: NoParameters) -> Opv:
    """Puts tags on the OPV and takes others off it."""
    return _act(caller, ident, lambda at: change_tags(at, body.add, body.remove))


@router.post("/{ident}/fields")
def set_fields_of_opv(ident: str, caller: Calls, body: FieldsBody, _: NoParameters) -> Opv:
    """Sets fields of the OPV, those of questionnaires too; null empties one."""
    return _act(caller, ident, lambda at: set_fields(at, body.root))


@router.get("/{ident}/questionnaires")
def list_questionnaires(ident: str, caller: Calls, _: NoParameters) -> Page[QuestionnaireItem]:
    """The house's questionnaires with the OPV's answers, and what they lack."""
    with caller.reading() as visit:
        opv = opvs.one(visit.tx, visit.seen, ident)
        if opv is None:
            raise Reject("unknown_opv", "no such OPV", 404)
        visit.note_reads([opv.id], "questionnaires")
        return Page(items=questionnaires.shown(visit.house, opv.fields))


def _act(caller: Caller, ident: str, deed: Callable[[Acting], object]) -> Opv:
    return committed(caller, lambda v: act(v.tx, v.house, v.viewer, caller.desk.clock(), ident, deed), shown_opv)

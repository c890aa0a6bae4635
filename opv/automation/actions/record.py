"""Actions on what is kept of an OPV: comments, pending items, tags, fields, questionnaires, and a sale out of them."""

from __future__ import annotations

from opv import history
from opv.actions import comment as add_comment
from opv.actions import win
from opv.answers.changes import change_tags, set_fields
from opv.answers.questionnaires import lacks
from opv.answers.values import decimal, fields_of
from opv.automation.actions.doing import Doing, Done, skipped
from opv.automation.templates import rendered
from opv.pending_items import add_item, asked_of
from schemas.config import AddPending, AddTag, AskQuestionnaire, Comment, PendingOptions, RemoveTag, SendSale, SetFields
from schemas.duration import Duration
from schemas.errors import Reject


def comment(action: Comment, at: Doing) -> Done:
    """Into the history; closed OPVs take comments too."""
    text = rendered(action.comment, at)
    return {"result": "done", "seq": add_comment(at.acting(), text, automation=at.occurrence.automation)}


def add_pending(action: AddPending, at: Doing) -> Done:
    """For who is named, due in the company's time."""
    options, house = action.pending, at.batch.house
    owner = {"broker": at.opv.broker, "manager": at.opv.manager}.get(options.owner, options.owner)
    if owner is None or not house.roster.is_active(owner):
        return skipped("nobody_to_ask", f"the OPV has no active {options.owner}")
    return _item(options, owner, at)


def put_tags(action: AddTag, at: Doing) -> Done:
    """Puts tags on the OPV."""
    return _tagged(change_tags(at.acting(), add=_keys(action.tag)))


def take_tags(action: RemoveTag, at: Doing) -> Done:
    """Takes tags off it."""
    return _tagged(change_tags(at.acting(), remove=_keys(action.untag)))


def set_values(action: SetFields, at: Doing) -> Done:
    """Sets fields of the OPV."""
    values = {key: rendered(one, at) if isinstance(one, str) else one for key, one in action.set.items()}
    changed = set_fields(at.acting(), values)
    if not changed:
        return skipped("nothing_changed", "the fields are so already")
    return {"result": "done", "fields": changed}


def ask_questionnaire(action: AskQuestionnaire, at: Doing) -> Done:
    """A pending item for who serves the OPV, unless the questionnaire is filled in or such an item is open."""
    opv, house, key = at.opv, at.batch.house, action.questionnaire
    questionnaire = house.questionnaires.get(key)
    if questionnaire is None:
        raise Reject("unknown_questionnaire", f"there is no questionnaire {key}", 422)
    if not lacks(questionnaire, fields_of(opv.fields)):
        return skipped("filled_in", f"the questionnaire {key} is filled in")
    asked = asked_of(at.acting())
    if key in asked:
        return skipped("already_asked", f"an open item asks for the questionnaire {key}")
    early = opv.stage in house.presales_stages
    serving = (opv.presales_broker, opv.presales_manager) if early else (opv.broker, opv.manager)
    owner = next((one for one in serving if one and house.roster.is_active(one)), None)
    if owner is None:
        return skipped("nobody_to_ask", "nobody serves the OPV")
    done = _item(PendingOptions(title=f"Preencher: {questionnaire.name}"), owner, at, questionnaire=key)
    asked.add(key)
    return {**done, "questionnaire": key}


def sell(action: SendSale, at: Doing) -> Done:
    """Asks the sales module for a process with the value and unit that the fields hold, sold today."""
    if at.batch.house.configuration.won_sale.mode != "documentation":
        raise Reject("sale_by_hand", "won sales do not go through the sales module here: people inform them", 409)
    if at.opv.status != "open":
        return skipped("opv_closed", "the OPV is closed")
    values = fields_of(at.opv.fields)
    value, unit = decimal(values.get(action.sale.value)), values.get(action.sale.unit)
    if value is None or unit is None:
        key = action.sale.value if value is None else action.sale.unit
        raise Reject("field_empty", f"the sale needs the field {key}", 409)
    today = at.batch.now.astimezone(at.batch.house.zone).date()
    try:
        return {"result": "done", "seq": win(at.acting(), value, str(unit), today)}
    except Reject as refused:
        if refused.reason == "process_alive":
            return skipped(refused.reason, "the sales module has a process of the OPV")
        if refused.reason == "clients_incomplete":  # whose sentence names the clients
            raise Reject(refused.reason, "the clients are not complete", refused.status) from None
        raise


def _item(options: PendingOptions, owner: str, at: Doing, *, questionnaire: str | None = None) -> Done:
    due_at = at.batch.house.duty.company.add(at.batch.now, Duration.parse(options.due))
    add_item(at.acting(), rendered(options.title, at), due_at, owner, questionnaire=questionnaire)
    return {"result": "done", "to": owner, "due_at": history.stamp(due_at)}


def _tagged(changed: list[str]) -> Done:
    if not changed:
        return skipped("nothing_changed", "the tags are so already")
    return {"result": "done", "tags": changed}


def _keys(named: list[str] | str) -> list[str]:
    return [named] if isinstance(named, str) else named

"""Actions that tell somebody: people of the house, the client, another system.

Each leaves rows for the outbound step that hold templates, no personal data: texts are put together when they go out
(`opv.automation.letters`). Here they are made once for trying, so that a value that is missing fails the run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from db.ids import new_id
from opv import history
from opv.automation.actions.doing import Doing, Done, skipped
from opv.automation.letters import AUTOMATION, POST
from opv.automation.templates import filled, rendered
from opv.automation.values import main_client
from opv.channels.alarms import recipients
from opv.clients.contactable import not_before, refusal
from schemas.client_message import KIND as CLIENT_MESSAGE
from schemas.client_message import WAYS
from schemas.config import MessageClient, Notify, NotifyOptions, Post
from schemas.errors import Reject
from schemas.notice import KIND as NOTICE
from schemas.target import ConfiguredTarget

LOG = "log"
"""The target of a notice that names none."""


def notify(action: Notify, at: Doing) -> Done:
    """Tells people of the house, each through each target."""
    opv, batch = at.opv, at.batch
    named = action.notify
    options = named if isinstance(named, NotifyOptions) else NotifyOptions(to=named)
    names = [options.to] if isinstance(options.to, str) else options.to
    people = dict.fromkeys(
        person for name in names for person in _told(name, at) if batch.house.roster.is_active(person)
    )
    if not people:
        return skipped("nobody_to_tell", f"the OPV has no {' or '.join(names)}")
    said = {name: text for name in ("subject", "text") if (text := getattr(options, name)) is not None}
    for text in said.values():
        rendered(text, at, link=batch.house.link_address)
    body = {"of": AUTOMATION, "opv": opv.number, "automation": at.occurrence.automation, **said}
    for person in people:
        for target in options.via or [LOG]:
            key = at.key(person, *([target] if options.via else []))
            _queue(at, NOTICE, target, person, key, body, batch.now)
        data = {"to": person, "automation": at.occurrence.automation, **({"via": options.via} if options.via else {})}
        batch.record(opv, history.NOTICE_QUEUED, at.cause, data)
    return {"result": "done", "to": list(people)}


def message(action: MessageClient, at: Doing) -> Done:
    """Writes to the OPV's main client. That is no contact by a person: the first response stays to be made."""
    opv, batch, options = at.opv, at.batch, action.message
    slug = _target(options.via, at, WAYS).slug
    client = main_client(at)
    if client is None or client.erased_at is not None:
        return skipped("no_client", "there is nobody to write to")
    refused = refusal(client, slug)
    if refused is not None:
        return skipped(*refused)
    due_at = not_before(batch.house, client, batch.now) if options.quiet_hours else batch.now
    if due_at is None:
        return skipped("always_quiet", "the quiet hours leave no time to write to the client")
    said = options.model_dump(include={"text", "subject", "template", "values"}, exclude_none=True)
    for text in (options.text, options.subject, *options.values):
        if text is not None and not rendered(text, at):
            raise Reject("empty_text", "a message says something", 422)
    body = {"automation": at.occurrence.automation, **said, **({} if options.quiet_hours else {"at_once": True})}
    _queue(at, CLIENT_MESSAGE, options.via, str(client.id), at.key("client"), body, due_at)
    data = {"target": options.via, "client": str(client.id), "automation": at.occurrence.automation}
    data |= {"template": options.template} if options.template else {}
    seq = batch.record(opv, history.MESSAGE_QUEUED, at.cause, data)
    return {"result": "done", "target": options.via, "due_at": history.stamp(due_at), "seq": seq}


def post(action: Post, at: Doing) -> Done:
    """Posts to another system."""
    options = action.post
    _target(options.to, at, ("webhook",))
    filled(options.body, lambda text: rendered(text, at))
    body = {"automation": at.occurrence.automation, "body": options.body}
    _queue(at, POST, options.to, options.to, at.key(), body, at.batch.now)
    data = {"target": options.to, "automation": at.occurrence.automation}
    return {"result": "done", "target": options.to, "seq": at.batch.record(at.opv, history.POST_QUEUED, at.cause, data)}


def _told(who: str, at: Doing) -> list[str]:
    """Whom a name of `to` means."""
    house, roster = at.batch.house, at.batch.house.roster
    match who:
        case "broker" | "manager":
            person = at.opv.broker if who == "broker" else at.opv.manager
            return [] if person is None else [person]
        case "team":
            team = roster.teams.get(at.opv.team or "")
            leads = team.managers if team else ()
            return [*(lead.person for lead in leads), *(broker for lead in leads for broker in lead.brokers)]
        case "directors":
            return [person.key for person in roster.people.values() if person.role == "director"]
        case "ops":
            return recipients(house)
    return [who]


def _target(key: str, at: Doing, slugs: Any) -> ConfiguredTarget:
    found = at.batch.house.targets.get(key)
    if found is None or found.slug not in slugs:
        raise Reject("unknown_target", f"there is no target {key} that brings this", 422)
    return found


def _queue(at: Doing, kind: str, target: str, recipient: str, key: str, body: dict[str, Any], due_at: datetime) -> None:
    batch = at.batch
    batch.rows["outbound_messages"].append(
        {
            "id": new_id(), "target": target, "kind": kind, "recipient": recipient, "opportunity_id": at.opv.id,
            "idempotency_key": key, "body": history.text_of(body), "state": "pending", "reason": None,
            "created_at": batch.now, "sent_at": None, "due_at": due_at,
        }
    )  # fmt: skip
    batch.woken.add("outbound")

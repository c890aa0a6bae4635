"""What automations say, and to whom: people and targets exist, each target brings what it is given, and has all it
needs."""

from __future__ import annotations

from porteiro.configuration.automations import each_action
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File, distinct
from porteiro.configuration.targets import check_telling
from schemas.client_message import WAYS
from schemas.conditions import nearest

TOLD = ("broker", "manager", "team", "directors", "ops")
"""Words for those whom `notify` tells, beside people's keys."""


def check_messages(file: File, report: Report) -> None:
    """Reports what is wrong in `notify`, `message` and `post`."""
    for automation in file.items("automations"):
        for action in each_action(automation):
            _check_notify(action["notify"], file, report)
            if (message := action.child("message")) is not None:
                _check_message(message, file, report)
            if (post := action.child("post")) is not None:
                _slug(post["to"], ("webhook",), "takes no posts", file, report)


def _check_notify(notify: Place, file: File, report: Report) -> None:
    to = notify["to"] if notify.entries() else notify
    known = (*TOLD, *file.by_key["people"])
    for place in distinct(to.each() or [to], report):
        if place.text not in known:
            report.error(place, f"there is nobody called `{place.text}`, {nearest(place.text or '', known)}")
    check_telling(notify["via"].each(), file.root, report)


def _check_message(message: Place, file: File, report: Report) -> None:
    slug = _slug(message["via"], tuple(WAYS), "writes to no client", file, report)
    text, template, values = message["text"], message["template"], message["values"]
    if slug is None:
        return
    if slug == "smtp":
        for place, name in ((template, "template"), (values, "values")):
            if place.value is not None:
                report.error(place, f"an e-mail has no `{name}`: write `text`", at_key=True)
        if text.value is None:
            report.error(message, "an e-mail needs a text: write `text: …`", missing="text")
        return
    if text.value is None and template.value is None:
        report.error(message, "write a `text`, or the name of a WhatsApp `template`", missing="text")
    elif text.value is not None and template.value is not None:
        report.error(text, "a message has a `text` or a `template`: keep one", at_key=True)
    if values.value is not None and template.value is None:
        report.error(values, "`values` fill the places of a `template`: name it", at_key=True)
    if slug == "conecta" and message["subject"].value is not None:
        report.error(message["subject"], "there is no subject on WhatsApp: remove it", at_key=True)


def _slug(place: Place, wanted: tuple[str, ...], lacks: str, file: File, report: Report) -> str | None:
    """What the target is that is named there; reports one that is unknown, or none of those wanted."""
    if place.text is None:
        return None
    found = file.by_key["targets"].get(place.text)
    fitting = [key for key, one in file.by_key["targets"].items() if one["target"].text in wanted]
    if found is None:
        report.error(place, f"there is no target `{place.text}`, {nearest(place.text, fitting)}")
        return None
    slug = found["target"].text
    if slug in wanted or slug is None:
        return slug
    listed = ", ".join(f"`{one}`" for one in wanted)
    report.error(place, f"`{place.text}` is a `{slug}`, which {lacks}: name one of {listed}")
    return None

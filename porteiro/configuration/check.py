"""Cross references: what one part of the file says of another. Works on the tree, so that a part of the wrong
shape does not hide what is wrong elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.sources.base import Source
from opv.catalog import REGISTRIES
from porteiro.configuration.answers import check_answers
from porteiro.configuration.automation_flow import check_flow
from porteiro.configuration.automations import check_automations
from porteiro.configuration.channels import names_at
from porteiro.configuration.distribution import check_distribution
from porteiro.configuration.document import Place
from porteiro.configuration.funnel import check_funnel
from porteiro.configuration.messages import TOLD, check_messages
from porteiro.configuration.problems import Report
from porteiro.configuration.references import LISTS, File, check_known, check_people, check_unique, distinct
from porteiro.configuration.templates import check_templates
from porteiro.configuration.times import check_times
from porteiro.configuration.webhooks import check_webhook
from schemas.conditions import fold, nearest
from schemas.config.distribution import FALLBACKS

_MEANT_IN = {**dict.fromkeys(FALLBACKS, "otherwise"), **dict.fromkeys(TOLD, "notify")}
"""Words where a person's key may stand, and where that is."""


def check_references(root: Place, sources: Mapping[str, Source], report: Report) -> None:
    """Reports keys used twice, references that lead nowhere, and what is wrong in the funnel and in how leads
    find a broker."""
    file = File(root, sources)
    for path, what in LISTS.items():
        check_unique(file.items(path), what, report)
    for person in file.items("people"):
        key = person["key"].text or ""
        if key in _MEANT_IN:
            report.error(person["key"], f"`{key}` has a meaning in `{_MEANT_IN[key]}`: take another key")
    _check_teams(file, report)
    for stand in file.items("stands"):
        for line in stand["roster"].each():
            check_people(line["brokers"].each(), "broker", file, report)
    _check_developments(file, report)
    check_funnel(file, report)
    check_distribution(file, report)
    check_answers(file, report)
    check_automations(file, report)
    check_flow(file, report)
    for automation in file.items("automations"):
        check_webhook(automation["on"]["webhook"], file, report)
        check_times(automation, file, report)
    check_messages(file, report)
    check_templates(file, report)
    _check_alarms(root["alarms"], file, report)
    _check_withdrawal_reasons(file, report)
    for section, slug in (("won_sale", "sales_module"), ("whatsapp", "conecta")):
        _check_target(root[section]["target"], slug, file, report)
    check_known([root["legal"]["officer"]], "people", file, report)


def _check_teams(file: File, report: Report) -> None:
    placed: set[str | None] = set()
    for team in file.items("teams"):
        managers = team["managers"].each()
        check_people([lead["person"] for lead in managers], "manager", file, report)
        for lead in managers:
            brokers = lead["brokers"].each()
            check_people(brokers, "broker", file, report, "presales")
            placed.update(broker.text for broker in brokers)
    for key, person in file.by_key["people"].items():
        if person["role"].text == "broker" and key not in placed and person["active"].value is not False:
            report.warn(person, f"broker `{key}` is in no team and gets leads only from a queue that names `{key}`")


def _check_developments(file: File, report: Report) -> None:
    listings: dict[str, Place] = {}
    for development in file.items("developments"):
        check_known(development["teams"].each(), "teams", file, report)
        for code in development["listings"].each():
            _claim(code, development, listings, "the listing", "developments", report)
        _check_listing_brokers(development, file, report)
    for path in ("developments", *REGISTRIES.values()):
        _check_names(path, file, report)


def _check_listing_brokers(development: Place, file: File, report: Report) -> None:
    """One broker may have captured many listings."""
    codes = [code.text or "" for code in development["listings"].each()]
    for code, broker in development["listing_brokers"].entries().items():
        check_people([broker], "broker", file, report)
        if fold(code) not in map(fold, codes):
            hint = nearest(code, codes)
            report.error(broker, f"the development has no listing `{code}`, {hint}", at_key=True)


def _check_names(path: str, file: File, report: Report) -> None:
    names: dict[str, Place] = {}
    for one in file.items(path):
        for place in (one["key"], one["name"], *one["aliases"].each()):
            _claim(place, one, names, "the name", path, report)
        for name in names_at(one):
            names.setdefault(fold(name), one)


def _claim(place: Place, owner: Place, taken: dict[str, Place], what: str, path: str, report: Report) -> None:
    if place.text is None:
        return
    first = taken.setdefault(fold(place.text), owner)
    if first is not owner:
        other = first["key"].text
        report.error(place, f"{what} `{place.text}` belongs to the {LISTS[path]} `{other}` already: keep it at one")


def _check_withdrawal_reasons(file: File, report: Report) -> None:
    automatic: Place | None = None
    for reason in file.items("withdrawal_reasons"):
        check_unique(reason["sub_reasons"].each(), "sub-reason", report)
        check_known(reason["stages"].each(), "funnel.stages", file, report)
        if reason["automatic"].value is True:
            if automatic is not None:
                report.error(reason["automatic"], f"`{automatic['key'].text}` is automatic already: one reason is")
            automatic = automatic or reason


def _check_target(place: Place, slug: str, file: File, report: Report) -> None:
    check_known([place], "targets", file, report)
    found = file.by_key["targets"].get(place.text or "")
    if found is not None and found["target"].text not in (slug, None):
        report.error(place, f"`{place.text}` is no `{slug}` but a `{found['target'].text}`")


def _check_alarms(alarms: Place, file: File, report: Report) -> None:
    people = file.by_key["people"]
    for place in distinct(alarms["notify"].each(), report):
        person = people.get(place.text or "")
        if person is None:
            report.error(place, f"there is no person `{place.text}`, {nearest(place.text or '', people)}")
        elif person["active"].value is False:
            report.warn(place, f"`{place.text}` is not active and is told nothing")

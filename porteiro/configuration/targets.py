"""Targets: they exist, their options are right, their secrets are in the environment; and who needs one has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adapters.targets.log import LogTarget
from adapters.targets.registry import OWN, configurable
from adapters.targets.sales_module import SalesModule
from porteiro.configuration.channels import check_options, check_secret, check_variables
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import distinct
from schemas.conditions import nearest
from schemas.stage_news import LOST, PLATFORMS, WON

_TELLING = ("smtp", "webhook", "conecta")
"""Targets that tell people of the house something."""


def check_telling(places: Iterable[Place], root: Place, report: Report) -> None:
    """Reports what is no target that tells people of the house something, and no log."""
    targets = {key: one["target"].text for one in root["targets"].each() if (key := one["key"].text)}
    known = [*(key for key, slug in targets.items() if slug in _TELLING), LogTarget.slug]
    for place in distinct(places, report):
        key = place.text or ""
        if key not in targets and key != LogTarget.slug:
            report.error(place, f"there is no target `{key}`, {nearest(key, known)}")
        elif key not in known and targets[key] is not None:
            listed = ", ".join(f"`{slug}`" for slug in _TELLING)
            report.error(place, f"`{key}` is a `{targets[key]}`, which tells people nothing: name one of {listed}")


def check_targets(root: Place, secrets: Mapping[str, str], report: Report) -> None:
    """Reports what is wrong in `targets`, a won sale by documentation that no sales module takes, and notices that no
    target brings to anybody."""
    known = configurable()
    for target in root["targets"].each():
        slug, key = target["target"].text, target["key"].text
        if key in OWN:
            report.error(target["key"], f"`{key}` is a target of the house itself: take another key")
        check_variables(target["options"], secrets, report)
        if slug is None:
            continue
        if slug not in known:
            report.error(target["target"], f"there is no target `{slug}`, {nearest(slug, sorted(known))}")
            continue
        check_options(target["options"], known[slug].options_model, secrets, report)
        if slug in PLATFORMS:
            _check_stages(target, PLATFORMS[slug].source, root, report)
    _check_won_sale(root, report)
    _check_notices(root, secrets, report)


def _check_stages(target: Place, source: str, root: Place, report: Report) -> None:
    """A platform is told of stages that there are, of leads that come from it."""
    known = [key for one in root["funnel"]["stages"].each() if (key := one["key"].text)] + [WON, LOST]
    for key, place in target["options"]["stages"].entries().items():
        if key not in known:
            report.error(place, f"there is no stage `{key}`, {nearest(key, known)}", at_key=True)
    if not any(channel["source"].text == source for channel in root["channels"].each()):
        report.warn(target["target"], f"no channel has the source `{source}`: nothing is told")


def _check_notices(root: Place, secrets: Mapping[str, str], report: Report) -> None:
    notices = root["notices"]
    for name in ("assigned", "offered", "returned", "sla"):
        check_telling(notices[name].each(), root, report)
    check_variables(notices["address"], secrets, report)
    check_secret(notices["secret"], "${LINK_SECRET}", secrets, report)


def _check_won_sale(root: Place, report: Report) -> None:
    won_sale = root["won_sale"]
    if won_sale["mode"].text != "documentation" or won_sale["target"].text is not None:
        return
    modules = [one for one in root["targets"].each() if one["target"].text == SalesModule.slug]
    if not modules:
        report.error(won_sale["mode"], f"`documentation` needs a target: add one of `{SalesModule.slug}` to `targets`")
    elif len(modules) > 1:
        report.error(won_sale, "there are several sales modules: write which one takes the sales", missing="target")

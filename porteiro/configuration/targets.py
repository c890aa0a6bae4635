"""Targets: they exist, their options are right, their secrets are in the environment; and who needs one has it."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.targets.registry import OWN, configurable
from adapters.targets.sales_module import SalesModule
from porteiro.configuration.channels import check_options, check_variables
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from schemas.conditions import nearest


def check_targets(root: Place, secrets: Mapping[str, str], report: Report) -> None:
    """Reports what is wrong in `targets` and in the links of notices, and a won sale by documentation that no sales
    module takes."""
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
    for name in ("address", "secret"):
        check_variables(root["notices"][name], secrets, report)
    _check_won_sale(root, report)


def _check_won_sale(root: Place, report: Report) -> None:
    won_sale = root["won_sale"]
    if won_sale["mode"].text != "documentation" or won_sale["target"].text is not None:
        return
    modules = [one for one in root["targets"].each() if one["target"].text == SalesModule.slug]
    if not modules:
        report.error(won_sale["mode"], f"`documentation` needs a target: add one of `{SalesModule.slug}` to `targets`")
    elif len(modules) > 1:
        report.error(won_sale, "there are several sales modules: write which one takes the sales", missing="target")

"""How leads find a broker: rules that can be reached, hold of some lead, and lead to somebody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opv.actions import TRANSFER_RULE
from opv.capture import MANUAL_RULE
from opv.distribution.claims import CLAIM_RULE
from opv.distribution.returns import RETURN_RULE
from opv.house import DIRECTED_RULE, LISTING_RULE, OWNER_RULE
from porteiro.configuration.conditions import check_condition, checked, of_leads
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.queues import Use, check_queue, has_tags, members_of
from porteiro.configuration.references import File, check_known
from porteiro.configuration.terms import check_taker, check_terms
from schemas.config.distribution import WAYS
from schemas.implication import contradicted, covered

_RESERVED: Mapping[str, str | None] = {
    OWNER_RULE: "owner", DIRECTED_RULE: "directed", LISTING_RULE: "listing_broker",
    TRANSFER_RULE: None, MANUAL_RULE: None, RETURN_RULE: None, CLAIM_RULE: None,
}  # fmt: skip
"""Keys under which decisions are told that no rule of the file took, and the way of the rule that may have the key."""

_SHOWN = 5
"""Developments that a message names."""


def check_distribution(file: File, report: Report) -> None:
    """Reports what is wrong in queues, rules, stages' expiry and what is said of invalid leads."""
    rules = file.items("distribution.rules")
    uses = _uses(rules)
    for key, queue in file.by_key["queues"].items():
        check_queue(queue, uses.get(key, ()), file, report)
        if key not in uses:
            report.warn(queue, f"no rule leads to the queue `{key}`")
    for rule in rules:
        _check_rule(rule, file, report)
    _check_order(rules, report)
    _check_parts(rules, file, report)
    for stage in file.items("funnel.stages"):
        check_terms(stage["expiry"], file, report, pooled=True)
    _check_invalid_leads(file, report)


def _uses(rules: Sequence[Place]) -> dict[str, list[Use]]:
    """Which rules lead to a queue of `queues`, as their own or to fall back to."""
    uses: dict[str, list[Use]] = {}
    for rule in rules:
        for place in (rule["queue"], *rule["fallback"].each()):
            if place.text is not None:
                uses.setdefault(place.text, []).append(_use(rule))
    return uses


def _use(rule: Place) -> Use:
    return Use(rule["key"].text or "", _part(rule))


def _part(rule: Place) -> str:
    return rule["part"].text or "sales"


def _way(rule: Place) -> str | None:
    """Where the rule leads; None for one of the wrong shape."""
    written = [name for name in WAYS if rule[name].value is not None]
    return written[0] if len(written) == 1 else None


def _check_rule(rule: Place, file: File, report: Report) -> None:
    key, way = rule["key"].text or "", _way(rule)
    if key in _RESERVED and _RESERVED[key] != way:
        report.error(rule["key"], f"decisions that no rule took are told of as `{key}`: take another key")
    check_condition(rule["when"], file.facts, report, of_leads)
    check_terms(rule["accept"], file, report, pooled=way == "queue")
    check_taker(rule["exempt"]["to"], file, report)
    if way == "queue":
        _check_way_to_queue(rule, file, report)
        return
    if _part(rule) == "presales" and way is not None:
        report.warn(rule[way], "nobody of pre-sales is found so: rules of `part: presales` lead to a `queue`")
    if rule["skills"].entries():
        report.warn(rule["skills"], "this says who of a queue may have the lead: here it does nothing")
    listed = any(one["listing_brokers"].entries() for one in file.items("developments"))
    if way == "listing_broker" and not listed:
        report.warn(rule[way], "no listing has a broker: write `listing_brokers` at the developments")


def _check_way_to_queue(rule: Place, file: File, report: Report) -> None:
    key, queue, queues = rule["key"].text or "", rule["queue"], file.by_key["queues"]
    check_known(rule["fallback"].each(), "queues", file, report)
    if isinstance(queue.value, dict):
        check_queue(queue, [_use(rule)], file, report)
        if key in queues:
            line = queues[key].mark[0]
            report.error(rule["key"], f"its queue would share the turns of queue `{key}` (line {line}): name one anew")
    else:
        check_known([queue], "queues", file, report)
    named = [queue, *rule["fallback"].each()]
    for place in named[1:]:
        if place.text is not None and place.text == queue.text:
            report.error(place, "the rule falls back to its own queue: remove it")
    found = [one if isinstance(one.value, dict) else queues.get(one.text or "") for one in named]
    for before, after in zip(found, named[1:], strict=False):
        if before is not None and before["strategy"].text == "manual":
            report.warn(after, "never asked: a queue of the strategy `manual` keeps every lead in its pool")
            break
    if all(one is not None for one in found):
        _check_members(rule, [one for one in found if one is not None], file, report)


def _check_members(rule: Place, queues: Sequence[Place], file: File, report: Report) -> None:
    """Whether the rule's queues have somebody with the tags that it asks for, and for leads of each development."""
    fixed = [one for one in queues if one["teams"].each() or one["brokers"].each()]
    people, part = file.by_key["people"], _part(rule)
    if fixed == list(queues):
        members = [people[key] for queue in queues for key in members_of(queue, part, file)]
        if members and rule["skills"].entries() and not any(has_tags(one, rule["skills"]) for one in members):
            report.warn(rule["skills"], "nobody in the rule's queue has these tags")
    elif not fixed and checked(rule["when"]) is not None:
        without = ", ".join(_without_anybody(rule, file))
        if without:
            message = (
                f"the queue is of the lead's development, and has nobody for {without}: name `teams` or a fallback"
            )
            report.warn(rule["queue"], message)


def _without_anybody(rule: Place, file: File) -> Iterator[str]:
    """Leads that the rule may hold of and whose development has nobody."""
    when = checked(rule["when"]) or {}
    if _may_hold(when, {"development": {"exists": False}}):
        yield "leads without one"
    for key, development in file.by_key["developments"].items():
        if not members_of(development, _part(rule), file) and _may_hold(when, {"development": key}):
            yield f"`{key}`"


def _may_hold(when: Mapping[str, Any], fact: Mapping[str, Any]) -> bool:
    return not contradicted({"all": [when, fact]})


def _check_order(rules: Sequence[Place], report: Report) -> None:
    """Reports rules that others before them leave nothing to. Only a rule that leads to a queue takes all it holds of:
    the others go on when they find nobody."""
    takers: dict[str, dict[str, Mapping[str, Any]]] = {}
    seen: list[tuple[Any, Place]] = []
    for rule in rules:
        when, part = checked(rule["when"]), _part(rule)
        if when is None or contradicted(when):
            continue
        before = takers.setdefault(part, {})
        taker = next((key for key, one in before.items() if covered(when, [one])), None)
        same = {name: place.plain() for name, place in rule.entries().items() if name != "key"}
        double = next((one for content, one in seen if content == same), None)
        if taker is not None:
            every = "every lead" if not before[taker] else "all that it would"
            report.warn(rule, f"never reached: rule `{taker}` before it takes {every}")
        elif covered(when, before.values()):
            report.warn(rule, "never reached: the rules before it take all that it would")
        elif double is not None:
            line, key = double.mark[0], double["key"].text
            report.warn(rule, f"it does what rule `{key}` (line {line}) does: remove one")
        elif _way(rule) == "queue":
            before[rule["key"].text or ""] = when
        seen.append((same, rule))


def _check_parts(rules: Sequence[Place], file: File, report: Report) -> None:
    """Whether pre-sales has rules and stages, and sales something to follow with."""
    by_part = {part: [rule for rule in rules if _part(rule) == part] for part in ("sales", "presales")}
    early = [stage for stage in file.items("funnel.stages") if stage["kind"].text == "presales"]
    if not by_part["presales"]:
        if early and rules:
            report.warn(early[0], "no rule is of `part: presales`: OPVs in this stage are given to brokers of sales")
        return
    first = by_part["presales"][0]
    if not early:
        report.error(first["part"], "no stage is of pre-sales: write `kind: presales` at the first stage of the funnel")
    for funnel in file.funnels:
        _check_presales(funnel["stages"].each(), first, report)
    if not by_part["sales"]:
        report.warn(first, "no rule is of sales, so that nobody gets an OPV that is qualified: add one")


def _check_presales(stages: Sequence[Place], rule: Place, report: Report) -> None:
    """Whether a funnel's stages of pre-sales are before those of sales. `rule`: one of pre-sales."""
    early = [stage for stage in stages if stage["kind"].text == "presales"]
    if early and early[0] is not stages[0]:
        begin = stages[0]["key"].text
        message = f"OPVs begin in `{begin}`, which is no stage of pre-sales: write `kind: presales` there"
        report.warn(rule["part"], message)
    elif early and len(early) == len(stages):
        report.error(early[-1], "every stage is of pre-sales, so that no OPV comes to sales: add a stage of sales")


def _check_invalid_leads(file: File, report: Report) -> None:
    """A lead that is confirmed as none is withdrawn: with a reason that asks for nothing else."""
    invalid = file.root["distribution"]["invalid_leads"]
    check_condition(invalid["when"], file.facts, report, of_leads)
    if invalid["when"].entries() and invalid["confirm"].text != "rule":
        report.warn(
            invalid["when"], "a manager confirms all of them: write `confirm: rule` for those of which it holds"
        )
    check_known([invalid["reason"]], "withdrawal_reasons", file, report)
    if not invalid.entries():
        return
    reasons = file.by_key["withdrawal_reasons"]
    named = invalid["reason"].text
    automatic = (one for one in reasons.values() if one["automatic"].value is True)
    reason = next(automatic, None) if named is None else reasons.get(named)
    if reason is None and named is None:
        report.error(invalid, "no reason is automatic: write `reason: …`, or `automatic: true` at one of the reasons")
    elif reason is not None and reason["sub_reasons"].each():
        key = reason["key"].text
        report.error(invalid, f"the reason `{key}` needs a sub-reason, which is not asked for here: name another one")

"""Why an OPV is with whom it is: its decisions, put together with what their queues were like, rule by rule and gate by
gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.queries import decisions
from db.session import AnyRow
from opv.access import Viewer, oversees, sees_persons
from opv.distribution import words
from opv.distribution.sentences import Told, sentence, unseen
from opv.house import House
from schemas.opv import DecisionItem
from schemas.why import Decided, EarlierDecision, LeftOut, OtherQueue, RuleTried, Why

Members = Mapping[tuple[str, str], str]


def why(tx: Connection, house: House, opv: UUID) -> Why:
    """Why the OPV is with whom it is. It is there, or `NoResultFound` is raised."""
    return every(tx, house, opv, most=1)[0]


def every(tx: Connection, house: House, opv: UUID, most: int = decisions.MOST) -> list[Why]:
    """All decisions over the OPV in full, at most so many; first the one that tells why it is with whom it is, the
    others newest first. One that tells of no decision, when there is none."""
    at, rows = decisions.standing(tx, opv), decisions.newest(tx, opv)
    given = {(row.decision_id, row.part): row for row in decisions.given(tx, opv)}
    all_ = [_Decision(at.number, row, given) for row in rows]
    if not all_:
        return [_nothing(opv, at)]
    chosen = next((one for part in ("sales", "presales") for one in all_ if one.part == part), all_[0])
    in_order = [chosen, *(one for one in all_ if one is not chosen)]
    shown = in_order[:most]
    members = decisions.members_of(tx, (key for one in shown for key in one.others()))
    told = [_full(house, opv, one, members) for one in shown]
    told[0].earlier = [_brief(house, one) for one in in_order[1:]]
    return told


def for_viewer(told: Why, viewer: Viewer) -> Why:
    """What the viewer may see of it. Brokers know the line, but not why a colleague is away."""
    if oversees(viewer) or not sees_persons(viewer):
        return told
    mine = viewer.person
    return told.model_copy(
        update={
            "rules": [_rule_for(mine, one) for one in told.rules],
            "left_out": _out_for(mine, told.left_out),
            "missed": _out_for(mine, told.missed),
            "fell_back": [
                one.model_copy(update={"left_out": _out_for(mine, one.left_out)}) for one in told.fell_back
            ],
        }
    )  # fmt: skip


def decision_for(item: DecisionItem, viewer: Viewer) -> DecisionItem:
    """The same of a decision as it is stored."""
    if oversees(viewer) or not isinstance(item.explanation, dict):
        return item
    return item.model_copy(update={"explanation": _hidden(viewer.person, item.explanation)})


def rule_tried(one: Mapping[str, Any], because: str | None) -> RuleTried:
    """A rule that was tried, in words. `because` may be blank where a person was erased."""
    broker = one.get("broker")
    if one["matched"]:
        said = "vale para o lead"
        said = "a oferta venceu sem que alguém a assumisse" if one.get("unclaimed") else said
        said = "foi escolhida por quem redistribuiu" if one.get("asked_for") else said
    elif because is None:
        said = "não valeu"
    else:
        said = words.WORDS.get(because) or words.condition(because)
    said = f"{broker}: {said}" if broker else said
    return RuleTried(rule=one["rule"], matched=one["matched"], because=because, broker=broker, sentence=said)


class _Decision:
    """A decision's row, read: of the part `part`, with who got it."""

    def __init__(self, number: int, row: AnyRow, given: Mapping[tuple[UUID, str], AnyRow]) -> None:
        self.row = row
        self.said = decisions.explanation_of(row)
        self.part: str = self.said.get("part") or row.part
        got = given.get((row.id, self.part))
        self.broker: str | None = got.broker if got else row.broker
        self.manager: str | None = got.manager if got else None
        self.team: str | None = got.team if got else None
        self.told = Told(
            number, self.decided(), self.part, self.broker, self.manager, row.rule, row.queue, row.reason, self.said
        )

    def decided(self) -> Decided:
        """Who got it, by kind."""
        if self.row.reason == "offered":
            return "offered"
        if self.row.reason == "pool":
            return "pool"
        return "broker" if self.broker else "manager" if self.manager else "nobody"

    def others(self) -> Iterable[tuple[str, str]]:
        """Keys of the snapshots of the other queues that were asked."""
        for one in self.said.get("fell_back") or ():
            if "snapshot" in one:
                yield one["queue"], one["snapshot"]


def _full(house: House, opv: UUID, one: _Decision, members: Members) -> Why:
    row, said = one.row, one.said
    candidates, out = decisions.in_line(said, row.members)
    return Why(
        opv=opv, number=one.told.number, at=row.at, part=one.part, decided=one.told.decided, broker=one.broker,
        manager=one.manager, team=one.team, rule=row.rule, queue=row.queue, turn=said.get("turn"), reason=row.reason,
        sentence=sentence(house, one.told), config_version=row.config_version,
        rules=[rule_tried(tried, tried.get("because")) for tried in said.get("rules") or ()],
        candidates=candidates, left_out=_left_out(out), missed=_left_out(said.get("missed") or ()),
        before=said.get("before") or [], after=said.get("after") or [],
        fell_back=[_other(queue, members) for queue in said.get("fell_back") or ()],
    )  # fmt: skip


def _other(said: dict[str, Any], members: Members) -> OtherQueue:
    candidates, out = decisions.in_line(said, members.get((said["queue"], said.get("snapshot", ""))))
    reason = said["because"]
    return OtherQueue(
        queue=said["queue"], reason=reason, sentence=words.word(reason), candidates=candidates,
        left_out=_left_out(out),
    )  # fmt: skip


def _left_out(told: Iterable[Mapping[str, str]]) -> list[LeftOut]:
    return [
        LeftOut(broker=one["broker"], reason=one["because"], sentence=words.word(one["because"])) for one in told
    ]  # fmt: skip


def _brief(house: House, one: _Decision) -> EarlierDecision:
    return EarlierDecision(
        at=one.row.at, part=one.part, decided=one.told.decided, broker=one.broker, manager=one.manager,
        rule=one.row.rule, queue=one.row.queue, sentence=sentence(house, one.told),
    )  # fmt: skip


def _nothing(opv: UUID, at: AnyRow) -> Why:
    return Why(
        opv=opv, number=at.number, at=None, part=None, decided="nobody", broker=None, manager=None, team=None,
        rule=None, queue=None, turn=None, reason=at.reason, config_version=None,
        sentence=unseen(at.number, at.status, waits=at.waits is not None, reason=at.reason),
    )  # fmt: skip


def _out_for(mine: str, told: Sequence[LeftOut]) -> list[LeftOut]:
    hidden = {"reason": words.UNAVAILABLE, "sentence": words.word(words.UNAVAILABLE)}
    return [one if one.broker == mine else one.model_copy(update=hidden) for one in told]


def _rule_for(mine: str, one: RuleTried) -> RuleTried:
    if one.broker in (None, mine):
        return one
    return rule_tried({"rule": one.rule, "matched": one.matched, "broker": one.broker}, words.UNAVAILABLE)


def _hidden(mine: str, value: Any) -> Any:
    """JSON without the reasons that are told of others than `mine`."""
    if isinstance(value, dict):
        others = "broker" in value and value["broker"] != mine and "because" in value
        return {name: words.UNAVAILABLE if others and name == "because" else _hidden(mine, one)
                for name, one in value.items()}  # fmt: skip
    return [_hidden(mine, one) for one in value] if isinstance(value, list) else value

"""How far OPVs get in the funnel, and how long they stay in its stages."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Connection, and_

from db.models import Opportunity
from db.queries import reports
from db.session import AnyRow
from opv import history
from opv.house import House
from schemas.config import Stage
from schemas.errors import Reject
from schemas.reports import FunnelFilters, FunnelItem

WON = "won"
_KINDS = (history.CREATED, history.STAGE_CHANGED, history.REOPENED, history.WITHDRAWN, history.WON)
_DAY = 86400


def funnel(tx: Connection, house: House, seen: ColumnElement[bool], filters: FunnelFilters) -> list[FunnelItem]:
    """The stages of a funnel in order and the sales, counted over the OPVs created in the period that are in it now. An
    OPV that skipped a stage, or was moved back, has reached every stage before the furthest it was in; one that is sold
    has reached them all. Raises `Reject` (422) for an empty period, or a funnel that there is not."""
    stages = _stages_of(house, filters.funnel)
    order = {stage.key: place for place, stage in enumerate(stages)}
    elsewhere = house.stages.keys() - order.keys()
    if filters.funnel is not None and filters.funnel != house.configuration.funnel.key:
        seen = and_(seen, Opportunity.stage.in_(sorted(order)))
    elif elsewhere:
        seen = and_(seen, Opportunity.stage.not_in(sorted(elsewhere)))
    furthest: Counter[int] = Counter()
    now: Counter[tuple[str, str]] = Counter()
    days: defaultdict[str, list[float]] = defaultdict(list)
    for whole in reports.ways(tx, seen, _KINDS, filters.period(house.zone)):
        way = _without_undone(whole)
        stage, status = whole[0].stage, whole[0].status
        places = [order.get(one, 0) for one in (*_stages(way), stage)]
        furthest[len(order) if status == WON else max(places)] += 1
        now[stage, status] += 1
        for place, stayed in _stays(way):
            days[place].append(stayed / _DAY)
    reached = [sum(number for place, number in furthest.items() if place >= least) for least in range(len(order) + 1)]
    return [
        FunnelItem(
            key=stage.key, kind="stage", name=stage.name, open=now[stage.key, "open"], lost=now[stage.key, "lost"],
            median_days=round(statistics.median(days[stage.key]), 2) if days[stage.key] else None,
            **_shares(reached, place),
        )
        for place, stage in enumerate(stages)
    ] + [
        FunnelItem(key=WON, kind="won", name="Venda", open=0, lost=0, median_days=None, **_shares(reached, len(order)))
    ]  # fmt: skip


def _stages_of(house: House, key: str | None) -> Sequence[Stage]:
    if key is None:
        return house.configuration.funnel.stages
    if key not in house.funnels:
        raise Reject("unknown_funnel", f"there is no funnel {key}; there is: {', '.join(house.funnels)}", 422)
    return house.funnels[key].stages


def _without_undone(way: Sequence[AnyRow]) -> Sequence[AnyRow]:
    """The way without moves that were taken back and the ways back: the OPV was never there."""
    backs = {entry.seq: orjson.loads(entry.data)["of"] for entry in way if '"undo":true' in entry.data}
    gone = {*backs, *backs.values()}
    return [entry for entry in way if entry.seq not in gone] if gone else way


def _shares(reached: Sequence[int], place: int) -> dict[str, float | None]:
    before = reached[place - 1] if place else 0
    return {
        "reached": reached[place],
        "share": round(reached[place] / before, 4) if before else None,
        "of_all": round(reached[place] / reached[0], 4) if reached[0] else None,
    }


def _stages(way: Sequence[AnyRow]) -> Iterator[str]:
    """Stages that an OPV was put into, in order."""
    for entry in way:
        if entry.kind in (history.CREATED, history.STAGE_CHANGED):
            data = orjson.loads(entry.data)
            yield str(data.get("to") or data.get("stage"))


def _stays(way: Sequence[AnyRow]) -> Iterator[tuple[str, float]]:
    """Stages and the seconds stayed there, of the stays that have ended: by a move, a withdrawal or a sale."""
    stage: str | None = None
    since: datetime | None = None
    for entry in way:
        data = orjson.loads(entry.data)
        # A client who came back reopens the OPV and moves it in one deed: that is no stay in the stage it was in.
        if stage is not None and since is not None and entry.at > since:
            yield stage, (entry.at - since).total_seconds()
        is_end = entry.kind in (history.WITHDRAWN, history.WON)
        stage, since = (None, None) if is_end else (data.get("to") or data.get("stage"), entry.at)

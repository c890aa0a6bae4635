"""The funnels as a person sees them: stages, rules, open OPVs, and where one OPV may be moved to."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection

from db.queries.opvs import open_by_stage
from opv.access import Viewer, may_move
from opv.funnel import possible_moves
from opv.holdings import held_of
from opv.house import House
from schemas.funnel import PossibleMove, ShownFunnel, ShownStage
from schemas.opv import Opv


def shown_funnels(tx: Connection, house: House, seen: ColumnElement[bool], role: str | None) -> list[ShownFunnel]:
    """All funnels, as somebody of the `role` sees them (None: nobody in particular). One statement."""
    open_ = open_by_stage(tx, seen)
    return [
        ShownFunnel(
            key=funnel.key,
            name=funnel.name,
            no_skip=funnel.no_skip,
            developments=[one.key for one in house.configuration.developments if one.funnel == funnel.key],
            stages=[
                ShownStage.of(
                    stage,
                    offered=stage.active and not stage.hidden and (role is None or may_move(role, stage)),
                    open_opvs=open_.get(stage.key, 0),
                )
                for stage in funnel.stages
            ],
        )
        for funnel in house.configuration.all_funnels
    ]


def moves_of(tx: Connection, house: House, viewer: Viewer, opv: Opv) -> list[PossibleMove]:
    """Where the person may move the OPV now. Two statements at most, and none when no stage requires anything."""
    if opv.status != "open":
        return []
    held = held_of(tx, house, opv.id)
    return [
        PossibleMove(stage=stage.key, name=stage.name, lacks=list(lacks))
        for stage, lacks in possible_moves(house, opv, viewer.role, held)
    ]

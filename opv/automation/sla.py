"""Stages with an SLA: who serves an OPV and the manager are told that it is in its stage for longer than it should."""

from __future__ import annotations

from opv import history
from opv.batch import Batch, Cause, Opv
from opv.distribution.notices import tell


def warn(batch: Batch, opv: Opv, cause: Cause) -> list[str]:
    """Writes it into the history and tells them, in a stage of pre-sales those of pre-sales; gives whom."""
    house = batch.house
    early = opv.stage in house.presales_stages
    serving = (opv.presales_broker, opv.presales_manager) if early else (opv.broker, opv.manager)
    told = [person for person in dict.fromkeys(serving) if person and house.roster.is_active(person)]
    seq = batch.record(opv, history.SLA_WARNED, cause, {"stage": opv.stage, "since": opv.stage_seq})
    tell(batch, opv, history.SLA_WARNED, told, house.configuration.notices.sla, f"{opv.id}:{seq}")
    return told

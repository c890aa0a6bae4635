"""However people and automations move an OPV through whatever funnels, it never comes into a stage that the rules keep
it from: those of docs/funnel.md, written down here once more."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from db.ids import new_id
from opv.access import Viewer
from opv.actions import Acting, move_stage, set_status
from opv.automation.actions import moves
from opv.automation.actions.doing import Doing, Occurrence
from opv.batch import Batch, Cause, Opv
from opv.funnel import Held
from opv.house import House, build_house
from schemas.config import Advance, Configuration, Move, SetStatus, Stage
from schemas.errors import Reject
from tests.pipeline import NOW

KEYS = tuple("abcdefgh")
NO_DATABASE = cast(Connection, None)
"""What an OPV has is in memory."""
ROLES = st.sampled_from(["presales", "broker", "manager"])
STATUSES = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from("xyz"), "name": st.just("s"), "active": st.booleans()}),
    max_size=2, unique_by=lambda one: str(one["key"]),
)  # fmt: skip


@st.composite
def houses(draw: st.DrawFn) -> House:
    """One to three funnels over the keys."""
    cuts = sorted(draw(st.sets(st.integers(1, len(KEYS) - 1), max_size=2)))
    stages: list[dict[str, Any]] = [
        {
            "key": key, "name": key, "active": draw(st.booleans()) or draw(st.booleans()),
            "locked": draw(st.integers(0, 4)) == 0, "hidden": draw(st.booleans()),
            "allow": draw(st.just([]) | st.lists(st.sampled_from(KEYS), max_size=3, unique=True)),
            "move": draw(st.just([]) | st.lists(ROLES, max_size=2, unique=True)), "statuses": draw(STATUSES),
            "requires": draw(st.sampled_from([[], [], ["broker"], ["development"]])),
            "leave_requires": draw(st.sampled_from([[], [], ["broker"]])),
        }
        for key in KEYS
    ]  # fmt: skip
    parts = [stages[start:end] for start, end in zip([0, *cuts], [*cuts, len(KEYS)], strict=True)]
    main, *others = (
        {"key": f"f{place}", "no_skip": draw(st.booleans()), "stages": part} for place, part in enumerate(parts)
    )
    return build_house(1, Configuration.model_validate({"funnel": main, "funnels": others}), {})


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["presales", "broker", "manager", "director", "move", "advance"]),
        st.sampled_from(KEYS),
        st.sampled_from([None, "x", "y", "z"]),
    ),
    max_size=25,
)


def legal(house: House, opv: Opv, to: str, who: str) -> bool:
    """Whether the rules let this person or automation move the OPV there."""
    stages: dict[str, Stage] = {stage.key: stage for stage in house.configuration.stages}
    origin, stage, person = stages[opv.stage], stages[to], who not in ("move", "advance")
    (own,) = (funnel for funnel in house.configuration.all_funnels if origin in funnel.stages)
    same = stage in own.stages
    onward = not same or own.stages.index(stage) > own.stages.index(origin)
    between = own.stages[own.stages.index(origin) + 1 : own.stages.index(stage)] if same else []
    has = {"broker": opv.broker, "development": opv.development}
    wanted = [*stage.requires, *(origin.leave_requires if onward else [])]
    return all((
        origin is not stage,
        stage.active,
        not origin.locked or who in ("manager", "director"),
        not person or who == "director" or all(not one.move or who in one.move for one in (origin, stage)),
        to in origin.allow if origin.allow else same,
        not own.no_skip or not any(one.active for one in between),
        all(has[one] for one in wanted),
        who != "advance" or (same and onward),
    ))  # fmt: skip


def step(batch: Batch, opv: Opv, who: str, to: str, status: str | None) -> None:
    """One try at moving it, or at giving it a status."""
    if who in ("move", "advance"):
        occurrence = Occurrence(NO_DATABASE, "a", opv, "1", Cause("automation:a"), "test")
        doing = Doing(occurrence, batch, "0", {}, (), {}, set())
        if status is not None:
            moves.set_status(SetStatus(status=status), doing)
        elif who == "move":
            moves.move(Move(move=to), doing)
        else:
            moves.advance(Advance(advance=to), doing)
        return
    at = Acting(NO_DATABASE, batch, opv, Cause(f"person:{who}"), Viewer(who, who))
    if opv.stage == to and status is not None:
        set_status(at, status)
    else:
        move_stage(at, to, status)


@settings(deadline=None, max_examples=150)
@given(houses(), STEPS, st.sampled_from([None, "ana"]), st.sampled_from([None, "jardim"]))
def test_no_illegal_stage_is_ever_reached(
    house: House, steps: list[tuple[str, str, str | None]], broker: str | None, development: str | None
) -> None:
    batch = Batch(house, NOW)
    opv = batch.new_opv(new_id(), development)
    opv.broker = broker
    batch.held[opv.id] = Held()
    for who, to, status in steps:
        before, may = (opv.funnel, opv.stage, opv.stage_status, opv.history_seq), legal(house, opv, to, who)
        try:
            step(batch, opv, who, to, status)
        except Reject:
            assert (opv.funnel, opv.stage, opv.stage_status, opv.history_seq) == before
            assert not may or status is not None
        assert opv.stage == before[1] or (may and opv.stage == to)
        assert opv.stage == to or not may or status is not None
        assert opv.funnel == house.funnel_of[opv.stage].key
        there = {one.key for one in house.stages[opv.stage].statuses if one.active}
        assert opv.stage_status in there or (opv.stage_status is None and not there)

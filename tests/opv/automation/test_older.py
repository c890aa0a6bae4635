"""Times of OPVs from before their automation: with `older` they are counted too, once; without it they are not."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection

from opv.actions import contact, withdraw
from opv.automation import older
from opv.channels.chores import Turn, Upkeep
from opv.channels.plan import of_channel
from schemas.errors import Retry
from tests.opv.automation.told import REASONS, automated, begun, due, later, ran, tell
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, NOW, Pipeline, Start, lead

DAY = timedelta(days=1)
QUIET = "{key: quiet, on: {without: contact, for: 2 days}, older: true, do: [{notify: paula}]}"
CHORE = of_channel("arm", "quiet")


def upkeep(house: Pipeline) -> None:
    """The house is looked after, and what that makes ready is done."""
    house.set("chores", {"due_at": house.clock()}, key="health", lease=None)
    house.run("upkeep")
    house.run()


def there(start: Start, count: int = 1, more: str = "") -> tuple[Pipeline, list[UUID]]:
    """A house with OPVs, on which nothing was done for three days, and no automations."""
    house = start(HOUSE + REASONS + more)
    for number in range(count):
        house.deliver("site", lead(number))
    house.run()
    house.clock.forward(days=3)
    return house, [opv.id for opv in house.opvs()]


@pytest.mark.parametrize(
    ("on", "due_after", "occurrence"),
    [
        ("{in_stage: new, for: 2 days}", None, "timer:1"),
        ("{in_stage: new, for: 5 days}", 5, "timer:1"),
        ("{without: contact, for: 2 days}", None, "timer:3"),
        ("{without: activity, for: 4 days}", 4, "timer:4"),
        ("{after: assigned_at, by: 1 day}", None, "timer:3"),
        ("{after: visit_at, by: 1 day}", 7, "timer:4"),
        ("{before: visit_at, by: 5 days}", None, "timer:4"),  # it is still to come
        ("{before: visit_at, by: 1 day}", 5, "timer:4"),
        ("{before: signing, by: 1 day}", -1, ""),  # which was two days ago
        ("{in_stage: new, status: any, for: 2 days}", -1, ""),
    ],
)
def test_all_that_count_begin_for_whoever_is_there(
    start: Start, on: str, due_after: int | None, occurrence: str
) -> None:
    fields = "fields: [{key: signing, name: Assinatura, kind: date}]\n"
    house, opv = begun(start, HOUSE + REASONS + fields)
    do(house, "ana", opv, lambda at: contact(at, "visit", when=NOW + 6 * DAY))
    tell(house, opv, "field.changed", "channel:site", field="signing", to="2026-09-22")
    house.clock.forward(days=3)
    text = automated(f"{{key: one, on: {on}, older: true, do: [{{notify: ana}}]}}", more=fields)
    house.apply(text.replace("name: Novo}", "name: Novo, statuses: [{key: any, name: Uma}]}"))
    upkeep(house)
    if due_after is None:
        assert ran(house) == [("one", occurrence, "done")]
        assert due(house) == []
    else:
        assert due(house) == [NOW + due_after * DAY] * (due_after > 0)
        house.clock.now = NOW + abs(due_after) * DAY
        house.run()
        assert [one[1] for one in ran(house)] == [occurrence] * (due_after > 0)


def test_without_it_only_what_happens_from_then_on_counts(start: Start) -> None:
    house, (opv, _) = there(start, 2)
    house.apply(
        automated(
            QUIET.replace("older: true, ", ""),
            "{key: stays, on: {in_stage: new, for: 1 day}, do: [{notify: paula}]}",
            "{key: dated, on: {after: first_contact_at, by: 1 day}, do: [{notify: paula}]}",
        )
    )
    upkeep(house)
    later(house, days=9)
    assert ran(house) == due(house) == []
    do(house, "paula", opv, lambda at: contact(at, "call"))
    later(house, days=2)
    assert {(run.automation, run.opportunity_id) for run in house.runs()} == {("quiet", opv), ("dated", opv)}


def test_a_walk_goes_on_where_it_was_stopped_and_tells_each_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(older, "AT_ONCE", 2)
    house, opvs = there(start, 5)
    do(house, "paula", opvs[3], lambda at: withdraw(at, "price"))
    house.apply(automated(QUIET))
    hold, held = Upkeep._hold, []

    def die(upkeep: Upkeep, tx: Connection, turn: Turn, state: str) -> None:
        hold(upkeep, tx, turn, state)
        held.append(turn.row.key)
        if held.count(CHORE) == 2:
            raise Retry("lost", "the connection, before the commit")

    with monkeypatch.context() as dying:
        dying.setattr(Upkeep, "_hold", die)
        upkeep(house)
    (chore,) = house.rows("chores", key=CHORE)
    assert json.loads(chore.state)["place"] == str(opvs[1])
    assert len(house.runs()) == 2
    house.set("chores", {"due_at": house.clock()}, key=CHORE)
    upkeep(house)
    assert {run.opportunity_id for run in house.runs()} == {*opvs} - {opvs[3]}
    assert len(house.runs()) == 4
    house.apply(automated(QUIET, "{key: more, on: opv.created, do: [{notify: ana}]}"))
    upkeep(house)
    assert json.loads(house.rows("chores", key=CHORE)[0].state)["over"] is True
    assert house.rows("timers") == []


def test_what_has_run_does_not_run_again_when_the_automation_comes_back(start: Start) -> None:
    house, (opv,) = there(start)
    house.apply(automated(QUIET))
    upkeep(house)
    assert len(ran(house)) == 1
    house.apply(HOUSE + REASONS)
    upkeep(house)
    house.clock.forward(days=1)
    house.apply(automated(QUIET))
    upkeep(house)
    assert len(ran(house)) == 1
    do(house, "paula", opv, lambda at: contact(at, "call"))
    later(house, days=2)
    assert [one[1] for one in ran(house)] == ["timer:3", f"timer:{house.opvs()[0].history_seq - 1}"]

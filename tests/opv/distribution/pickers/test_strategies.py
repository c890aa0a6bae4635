"""The bound of each strategy, as its docstring states it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opv.distribution.pickers import STRATEGIES, Closed, Line, Load, Member, turns_of
from tests.opv.distribution.pickers.stored import AWAY, AWAY_FOR_LONG, MISFIT, StoredQueue


def queue_of(strategy: str, brokers: str | tuple[str, ...], **settings: Any) -> StoredQueue:
    return StoredQueue(Line("q", strategy, tuple(brokers), **settings))


def test_who_picks_nobody_has_no_picker() -> None:
    assert not {"first_to_claim", "manual"} & STRATEGIES.keys()


def test_in_turn_coming_back_neither_floods_nor_resets() -> None:
    queue = queue_of("round_robin", "abc")
    served = queue.picks(4)
    queue.line = Line("q", "round_robin", ("b", "c"))
    served += queue.picks(40)
    queue.line = Line("q", "round_robin", ("a", "b", "c", "d"))
    served += queue.picks(8)
    assert "".join(served[:8]) == "abcabcbc"
    assert "".join(served[44:]) == "bcadbcad"
    assert {b: m.served for b, m in queue.rows.items()} == {"a": 4, "b": 23, "c": 23, "d": 2}


@pytest.mark.parametrize(
    ("missed", "because", "then"),
    [
        ("keep", AWAY_FOR_LONG, "acdbacdb"),  # first when back, once
        ("skip", AWAY, "cdabcdab"),
        ("credit", AWAY, "cadabacdabcdabcd"),  # two owed, one of its own between them
        ("credit", MISFIT, "acdbacdb"),
    ],
)
def test_in_turn_missed_turns(missed: Any, because: Closed, then: str) -> None:
    queue = queue_of("round_robin", "abcd", missed=missed)
    assert "".join(queue.picks(1)) == "a"
    assert "".join(queue.picks(7, closed="a", because=because)) == "bcdbcdb"
    back = "".join(queue.picks(len(then)))
    assert back == then


def test_a_pick_tells_the_line_around_it_and_who_was_left_out() -> None:
    turns = queue_of("round_robin", "abcdefg").read()
    pick = turns.pick({"a": AWAY, "b": MISFIT}.get)
    assert (pick.broker, pick.turn) == ("c", 8)
    assert (pick.before, pick.after) == (tuple("abcde"), tuple("abdef"))
    assert pick.excluded == [("a", "off_duty"), ("b", "present_broker")]
    assert pick.missed == [("a", "off_duty")]
    nobody = turns.pick(lambda _: AWAY_FOR_LONG)
    assert (nobody.broker, nobody.turn, len(nobody.excluded), nobody.missed) == (None, 8, 7, [])
    assert turns.pick(lambda _: None).broker is None  # it holds for the batch
    turns.reset_lasting()
    assert turns.pick(lambda _: None).broker == "a"


@given(
    size=st.sampled_from([1, 2, 7, 99, 100, 101, 130]),
    part=st.sets(st.integers(0, 130), max_size=40),
    batch=st.integers(1, 300),
    leads=st.randoms(use_true_random=False),
    missed=st.sampled_from(["keep", "skip", "credit"]),
)
@settings(max_examples=20, deadline=None)
def test_by_lot_each_cycle_serves_everybody_once(
    size: int, part: set[int], batch: int, leads: Any, missed: Any
) -> None:
    """Those who are now and then left out do not disturb the cycles of the others."""
    brokers = tuple(f"b{n}" for n in range(size + 1))
    sometimes_out = {f"b{n}" for n in part} - {"b0"}
    queue = queue_of("draw", brokers, missed=missed)
    served: list[str] = []
    while len(served) < 3 * size:
        turns = queue.read()
        for _ in range(batch):
            out = {b: leads.choice([AWAY, MISFIT]) for b in sometimes_out if leads.random() < 0.4}
            served.append(str(queue.pick(turns, out.get).broker))
        queue.write(turns)
    others = [b for b in brokers if b not in sometimes_out]
    of_others = [b for b in served if b not in sometimes_out]
    for start in range(0, len(of_others), len(others)):
        cycle = of_others[start : start + len(others)]
        assert len(set(cycle)) == len(cycle)


def test_by_lot_the_order_is_another_in_each_cycle_and_can_be_repeated() -> None:
    for size in (30, 130):
        brokers = tuple(f"b{n}" for n in range(size))
        served = queue_of("draw", brokers).picks(2 * size, batch=size)
        assert served == queue_of("draw", brokers).picks(2 * size, batch=11)
        assert len({tuple(brokers), tuple(served[:size]), tuple(served[size:])}) == 3


def test_by_lot_above_a_hundred_only_the_next_is_drawn() -> None:
    for size, known in ((100, 5), (101, 0)):
        pick = queue_of("draw", tuple(f"b{n}" for n in range(size))).read().pick(lambda _: None)
        assert len(pick.after) == known


weights = st.lists(st.integers(1, 10), min_size=1, max_size=25)


@given(weights=weights, batch=st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_by_weights_everybody_is_less_than_a_turn_from_its_share(weights: list[int], batch: int) -> None:
    share = {f"b{n}": weight for n, weight in enumerate(weights)}
    whole = sum(weights)
    counts = Counter[str]()
    picks = queue_of("weighted", tuple(share), weights=share).picks(2 * whole, batch=batch)
    for turn, broker in enumerate(picks, 1):
        counts[broker] += 1
        assert all(abs(counts[b] * whole - turn * weight) < whole for b, weight in share.items())
        if turn % whole == 0:
            assert counts == {b: weight * turn // whole for b, weight in share.items()}


@given(weights=weights, out=st.lists(st.sets(st.integers(0, 24)), max_size=30), because=st.sampled_from([AWAY, MISFIT]))
@settings(max_examples=40, deadline=None)
def test_by_weights_after_a_change_less_than_two(weights: list[int], out: list[set[int]], because: Closed) -> None:
    share = {f"b{n}": weight for n, weight in enumerate(weights)}
    whole = sum(weights)
    queue = queue_of("weighted", tuple(share), weights=share)
    for left_out in out:
        queue.picks(3, closed=[f"b{n}" for n in left_out], because=because)
    queue.picks(len(weights))  # whoever kept a place is back
    counts = Counter[str]()
    for turn, broker in enumerate(queue.picks(whole, batch=50), 1):
        counts[broker] += 1
        assert all(abs(counts[b] * whole - turn * weight) < 2 * whole for b, weight in share.items())


def test_by_weights_numbers_of_another_strategy_do_no_harm() -> None:
    """Balances far apart: everybody begins anew, instead of being served until even."""
    queue = queue_of("weighted", "abc")
    queue.rows = {b: Member(b, n, 5, n, True, balance=n * 10**9) for n, b in enumerate("abc")}
    assert Counter(queue.picks(9)) == {"a": 3, "b": 3, "c": 3}


@given(
    strategy=st.sampled_from(["least_open", "least_recent", "most_room"]),
    given_before=st.lists(st.integers(0, 4), min_size=2, max_size=8),
    out=st.lists(st.sets(st.integers(0, 7)), min_size=5, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_by_load_nobody_who_may_serve_comes_first(strategy: str, given_before: list[int], out: list[set[int]]) -> None:
    brokers = tuple(f"b{n}" for n in range(len(given_before)))
    queue = queue_of(strategy, brokers, room=6, rooms={"b1": 9})
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for broker, n in zip(brokers, given_before, strict=True):
        queue.loads[broker] = Load(n, day=n, last_given_at=start + timedelta(hours=n) if n else None)
    turns = queue.read()
    for left_out in out:
        closed = {f"b{n}" for n in left_out}

        def rank(broker: str) -> tuple[Any, ...]:
            load, member = queue.loads[broker], turns.members[broker]
            first: Any = {
                "least_open": load.open,
                "least_recent": load.last_given_at.timestamp() if load.last_given_at else 0,
                "most_room": load.day - (9 if broker == "b1" else 6),
            }[strategy]
            return first, member.last_turn, member.position

        expected = min((b for b in brokers if b not in closed), key=rank, default=None)
        assert queue.pick(turns, dict.fromkeys(closed, AWAY).get).broker == expected


def test_two_steps_draw_the_team_then_the_broker() -> None:
    queue = queue_of("round_robin", "abcd", teams=dict.fromkeys("ab", "sul") | dict.fromkeys("cd", "norte"),
                     team_shares={"sul": 3, "norte": 1})  # fmt: skip
    assert Counter(queue.picks(16)) == {"a": 6, "b": 6, "c": 2, "d": 2}
    turns = queue.read()
    pick = turns.pick(lambda b: AWAY if b in "ab" else None)
    assert (pick.broker, pick.team, pick.turn) == ("c", "norte", turns.turn)
    assert pick.missed == [("@sul", "team_left_out")]
    assert {b for b, _ in pick.excluded} == {"a", "b", "@sul"}
    assert turns.candidates == list("abcd")


def test_a_lead_that_was_none_gives_the_turn_back() -> None:
    for strategy in ("round_robin", "draw", "weighted"):
        queue = queue_of(strategy, "abcd")
        first = queue.picks(1)[0]
        turns = queue.read()
        turns.give_back(first)
        queue.write(turns)
        then = queue.picks(12)
        assert then[0] != first
        assert Counter([first, *then])[first] == 4  # three cycles, and one
        assert queue.rows[first].owed == 0


def test_who_takes_a_lead_out_of_turn_has_had_its_turn() -> None:
    for strategy in ("round_robin", "draw", "weighted"):
        queue = queue_of(strategy, "abcd")
        turns = queue.read()
        assert turns.serve("b") == 5
        assert turns.serve("stranger") == 6
        if strategy == "draw":
            continue  # no cycle had begun
        assert "b" not in [turns.pick(lambda _: None).broker for _ in range(3)]


def test_a_pick_asks_few_of_many() -> None:
    """Those left out whatever the lead are asked once a batch."""
    brokers = tuple(f"b{n}" for n in range(500))
    away = set(brokers[:200])
    for strategy in STRATEGIES:
        asked = Counter[str]()
        turns = turns_of(Line("q", strategy, brokers, room=9), 0, [], {})

        def closed_to(broker: str, asked: Counter[str] = asked) -> Closed | None:
            asked[broker] += 1
            return AWAY_FOR_LONG if broker in away else None

        for _ in range(300):
            turns.pick(closed_to)
        assert all(asked[broker] <= 1 for broker in away)
        assert asked.total() <= 500
